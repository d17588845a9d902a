"""/albums: what people put together, alone and with others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from msgspec import UNSET, UnsetType, field

from server.body import Body, Id
from server.bulk import BulkIds, Ids, show_results
from server.endpoint import Call, endpoint
from server.wire import Json
from server.wire.albums import show_album, show_marker
from sql import Transaction, reads
from sync import access, preferences
from sync.actor import Actor
from sync.errors import NoAccess
from sync.operations import albums
from sync.operations.assets import shares

Role = Literal["editor", "owner", "viewer"]


class Member(Body):
    user_id: Id
    role: Role = "editor"


class NewMember(Body):
    user_id: Id
    role: Role


class AlbumCreate(Body):
    album_name: str
    description: str | None = None
    album_users: list[NewMember] = field(default_factory=list)
    asset_ids: Ids = field(default_factory=list)


class AlbumUpdate(Body):
    album_name: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    album_thumbnail_asset_id: Id | UnsetType = UNSET
    is_activity_enabled: bool | UnsetType = UNSET
    order: Literal["asc", "desc"] | UnsetType = UNSET


class AlbumFilter(Body):
    id: Id | None = None
    asset_id: Id | None = None
    is_owned: bool | None = None
    is_shared: bool | None = None
    name: str | None = None


class Members(Body):
    album_users: list[Member]


class MemberUpdate(Body):
    role: Role


class AlbumsAddAssets(Body):
    album_ids: Ids
    asset_ids: Ids


@endpoint("GET", "/albums", permission="album.read", query=AlbumFilter)
async def get_all_albums(call: Call) -> Json:
    asked = call.query
    async with call.context.database.read() as connection:
        rows = await reads.albums.list_albums(
            connection,
            user_id=call.actor.user_id,
            album_id=asked.id,
            asset_id=asked.asset_id,
            is_owned=asked.is_owned,
            is_shared=asked.is_shared,
            name=asked.name,
        )
        ids = [row["id"] for row in rows]
        albums_ = {
            row["id"]: show_album(row)
            for row in await reads.albums.get_albums(connection, album_ids=ids)
        }
    return [albums_[id_] for id_ in ids if id_ in albums_]


@endpoint("GET", "/albums/statistics", permission="album.statistics")
async def get_album_statistics(call: Call) -> Json:
    async with call.context.database.read() as connection:
        counts = await reads.albums.count_albums(connection, user_id=call.actor.user_id)
    return {
        "owned": counts["owned"],
        "shared": counts["shared"],
        "notShared": counts["not_shared"],
    }


@endpoint("POST", "/albums", permission="album.create", body=AlbumCreate, status=201)
async def create_album(call: Call) -> Json:
    """Assets that the actor may not share are left out."""
    asked, actor = call.body, call.actor
    async with call.context.database.write() as tx:
        kept = await reads.users.get_metadata(tx, user_id=actor.user_id, key="preferences")
        preferred = preferences.complete(kept["value"] if kept else {})
        order = preferred["albums"]["defaultAssetOrder"]
        album_id = await albums.create_album(
            tx, actor, asked.album_name, asked.description or "", order=order
        )
        others = [one for one in asked.album_users if one.user_id != actor.user_id]
        await _share(tx, actor, album_id, others)
    await _add_assets(call, album_id, asked.asset_ids)
    return await _show(call, album_id)


@endpoint("GET", "/albums/{id}", auth="link", permission="album.read")
async def get_album_info(call: Call) -> Json:
    await _require(call, "album.read")
    shown = await _show(call, call.ids["id"])
    if shown["shared"]:
        async with call.context.database.read() as connection:
            rows = await reads.albums.count_contributions(connection, album_id=call.ids["id"])
        shown["contributorCounts"] = [
            {"userId": row["user_id"], "assetCount": row["asset_count"]} for row in rows
        ]
    return shown


@endpoint("PATCH", "/albums/{id}", permission="album.update", body=AlbumUpdate)
async def update_album_info(call: Call) -> Json:
    asked = call.body
    async with call.context.database.write() as tx:
        await albums.update_album(
            tx,
            call.actor,
            call.ids["id"],
            name=asked.album_name or None,
            description="" if asked.description is None else asked.description or None,
            thumbnail_asset_id=asked.album_thumbnail_asset_id or None,
            is_activity_enabled=_given(asked.is_activity_enabled),
            order=asked.order or None,
        )
    return await _show(call, call.ids["id"])


@endpoint("DELETE", "/albums/{id}", permission="album.delete")
async def delete_album(call: Call) -> None:
    async with call.context.database.write() as tx:
        await albums.delete_album(tx, call.actor, call.ids["id"])


@endpoint("PUT", "/albums/{id}/assets", permission="albumAsset.create", body=BulkIds)
async def add_assets_to_album(call: Call) -> Json:
    await _require(call, "albumAsset.create")
    added, denied = await _add_assets(call, call.ids["id"], call.body.ids)
    return show_results(call.body.ids, added, denied=denied, error="duplicate")


@endpoint("PUT", "/albums/assets", permission="albumAsset.create", body=AlbumsAddAssets)
async def add_assets_to_albums(call: Call) -> Json:
    """Into as many of the albums as the actor may; one answer for all."""
    asked = call.body
    async with call.context.database.read() as connection:
        album_ids = await access.list_allowed_albums(
            connection, call.actor, asked.album_ids, "albumAsset.create"
        )
        asset_ids = await access.list_allowed_assets(
            connection, call.actor, asked.asset_ids, "asset.share"
        )
    if not album_ids or not asset_ids:
        return {"success": False, "error": "no_permission"}
    added = [await _add_assets(call, id_, list(asset_ids)) for id_ in sorted(album_ids)]
    if any(done for done, _ in added):
        return {"success": True}
    return {"success": False, "error": "duplicate"}


@endpoint("DELETE", "/albums/{id}/assets", permission="albumAsset.delete", body=BulkIds)
async def remove_asset_from_album(call: Call) -> Json:
    await _require(call, "albumAsset.delete")
    removed: set[UUID] = set()
    kept: set[UUID] = set()
    for ids in shares(call.body.ids):
        async with call.context.database.write() as tx:
            removed.update(await albums.remove_assets(tx, call.actor, call.ids["id"], ids))
            # An editor may leave in what others put in.
            rows = await reads.albums.list_links(tx, album_id=call.ids["id"], asset_ids=list(ids))
            kept.update(row["asset_id"] for row in rows)
    return show_results(call.body.ids, removed, denied=kept, error="not_found")


@endpoint("GET", "/albums/{id}/map-markers", auth="link", permission="album.read")
async def get_album_map_markers(call: Call) -> Json:
    await _require(call, "album.read")
    if call.actor.link and not call.actor.link.is_metadata_shown:
        return []
    async with call.context.database.read() as connection:
        rows = await reads.albums.list_markers(connection, album_id=call.ids["id"])
    return [show_marker(row) for row in rows]


@endpoint("PUT", "/albums/{id}/users", permission="albumUser.create", body=Members)
async def add_users_to_album(call: Call) -> Json:
    async with call.context.database.write() as tx:
        await _share(tx, call.actor, call.ids["id"], call.body.album_users)
    return await _show(call, call.ids["id"])


@endpoint("PUT", "/albums/{id}/user/{userId}", permission="albumUser.update", body=MemberUpdate)
async def update_album_user(call: Call) -> None:
    album_id, user_id = call.ids["id"], call.ids["userId"]
    async with call.context.database.write() as tx:
        await albums.set_role(tx, call.actor, album_id, user_id, call.body.role)


@endpoint("DELETE", "/albums/{id}/user/{userId}", permission="albumUser.delete")
async def remove_user_from_album(call: Call) -> None:
    album_id, user_id = call.ids["id"], call.ids["userId"]
    async with call.context.database.write() as tx:
        await albums.unshare_album(tx, call.actor, album_id, user_id)


async def _share(
    tx: Transaction, actor: Actor, album_id: UUID, members: Sequence[NewMember | Member]
) -> None:
    """All who have one role at once; of who is named twice the first counts."""
    roles = {one.user_id: one.role for one in reversed(members)}
    for role in dict.fromkeys(roles.values()):
        user_ids = [user_id for user_id, theirs in roles.items() if theirs == role]
        await albums.share_album(tx, actor, album_id, user_ids, role=role)


async def _require(call: Call, permission: str) -> None:
    async with call.context.database.read() as connection:
        await access.require_albums(connection, call.actor, [call.ids["id"]], permission)


async def _add_assets(
    call: Call, album_id: UUID, asset_ids: list[UUID]
) -> tuple[set[UUID], set[UUID]]:
    """Those that are shown from now on, and those that the actor may not share."""
    added: set[UUID] = set()
    denied: set[UUID] = set()
    for ids in shares(asset_ids):
        async with call.context.database.write() as tx:
            allowed = await access.list_allowed_assets(tx, call.actor, ids, "asset.share")
            denied.update(set(ids) - allowed)
            if allowed:
                added.update(await albums.add_assets(tx, call.actor, album_id, list(allowed)))
    return added, denied


async def _show(call: Call, album_id: UUID) -> dict[str, object]:
    async with call.context.database.read() as connection:
        rows = await reads.albums.get_albums(connection, album_ids=[album_id])
    if not rows:
        raise NoAccess("album.read")
    return show_album(rows[0], call.actor)


def _given(flag: bool | UnsetType) -> bool | None:
    return None if flag is UNSET else bool(flag)
