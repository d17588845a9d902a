"""/shared-links: albums and assets for those who have no account."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Literal
from uuid import UUID

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType, field

from server import cookies, limits
from server.assets import show_assets
from server.authentication import make_link_key
from server.body import Body, Id, Moment
from server.bulk import Ids
from server.endpoint import Call, endpoint, json_response
from server.wire import Json
from server.wire.albums import show_album
from server.wire.shared_links import show_shared_link
from sql import Connection, Transaction, reads
from sync import access
from sync.actor import Actor, Link
from sync.errors import Forbidden, Invalid, Unauthenticated
from sync.operations import shared_links
from sync.operations.assets import shares

Change = Callable[[Transaction, Actor, UUID, Sequence[UUID]], Awaitable[dict[UUID, str | None]]]


class SharedLinkFilter(Body):
    album_id: Id | None = None
    id: Id | None = None


class SharedLinkCreate(Body, kw_only=True):
    type: Literal["ALBUM", "INDIVIDUAL"]
    album_id: Id | None = None
    asset_ids: Ids = field(default_factory=list)
    description: str | None = None
    password: str | None = None
    slug: str | None = None
    expires_at: Moment | None = None
    allow_upload: bool = True
    allow_download: bool = True
    show_metadata: bool = True


class SharedLinkEdit(Body, kw_only=True):
    description: str | UnsetType | None = UNSET
    password: str | UnsetType | None = UNSET
    slug: str | UnsetType | None = UNSET
    expires_at: Moment | UnsetType | None = UNSET
    allow_upload: bool | UnsetType = UNSET
    allow_download: bool | UnsetType = UNSET
    show_metadata: bool | UnsetType = UNSET


class SharedLinkLogin(Body):
    password: str


class AssetIds(Body):
    asset_ids: Ids


@endpoint("GET", "/shared-links", permission="sharedLink.read", query=SharedLinkFilter)
async def get_all_shared_links(call: Call) -> Json:
    """Each with one of its assets, as its cover."""
    async with call.context.database.read() as connection:
        rows = await reads.shared_links.get_links(
            connection,
            user_id=call.actor.user_id,
            link_id=call.query.id,
            album_id=call.query.album_id,
        )
        return await _show(connection, call.actor, rows, with_all=False)


@endpoint(
    "POST", "/shared-links", permission="sharedLink.create", body=SharedLinkCreate, status=201
)
async def create_shared_link(call: Call) -> Json:
    asked, is_album = call.body, call.body.type == "ALBUM"
    if is_album and not asked.album_id:
        raise Invalid("Invalid albumId")
    if not is_album and not asked.asset_ids:
        raise Invalid("Invalid assetIds")
    asset_ids = [] if is_album else list(dict.fromkeys(asked.asset_ids))
    async with call.context.database.read() as connection:
        await access.require_assets(connection, call.actor, asset_ids, "asset.share")
    first, *rest = list(shares(asset_ids)) or [[]]
    async with call.context.database.write() as tx:
        link_id = await shared_links.create_link(
            tx,
            call.actor,
            make_link_key(),
            album_id=asked.album_id if is_album else None,
            asset_ids=first,
            description=asked.description or None,
            password=asked.password or None,
            slug=asked.slug or None,
            expires_at=asked.expires_at,
            is_upload_allowed=asked.allow_upload,
            is_download_allowed=asked.allow_download,
            is_metadata_shown=asked.show_metadata,
        )
    for ids in rest:
        async with call.context.database.write() as tx:
            await shared_links.add_assets(tx, call.actor, link_id, ids)
    return await _show_one(call, link_id)


@endpoint("GET", "/shared-links/me", auth="link")
async def get_my_shared_link(call: Call) -> Json:
    return await _show_one(call, _link(call).id)


@endpoint("POST", "/shared-links/login", auth="closed link", body=SharedLinkLogin, status=201)
async def shared_link_login(call: Call) -> web.Response:
    """Give the password, once for a browser: it keeps a cookie."""
    link = _link(call)
    async with call.context.database.read() as connection:
        row = await _find(connection, call.actor, link.id)
    password = row["password"]
    if password is None:
        raise Invalid("Shared link is not password protected")
    async with limits.guessing(call.context.database, limits.at_link(call.request, link.id)):
        if not compare_digest(_digest(password), _digest(call.body.password)):
            raise Unauthenticated("Invalid password")
    response = json_response(await _show_one(call, link.id), status=201)
    cookies.open_link(call.request, response, row["secret"], password)
    return response


@endpoint("GET", "/shared-links/{id}", permission="sharedLink.read")
async def get_shared_link_by_id(call: Call) -> Json:
    return await _show_one(call, call.ids["id"])


@endpoint("PATCH", "/shared-links/{id}", permission="sharedLink.update", body=SharedLinkEdit)
async def update_shared_link(call: Call) -> Json:
    async with call.context.database.write() as tx:
        await shared_links.update_link(tx, call.actor, call.ids["id"], _changes(call.body))
    return await _show_one(call, call.ids["id"])


@endpoint("DELETE", "/shared-links/{id}", permission="sharedLink.delete")
async def remove_shared_link(call: Call) -> None:
    async with call.context.database.write() as tx:
        await shared_links.delete_link(tx, call.actor, call.ids["id"])


@endpoint("PUT", "/shared-links/{id}/assets", permission="sharedLink.update", body=AssetIds)
async def add_shared_link_assets(call: Call) -> Json:
    return await _change_assets(call, shared_links.add_assets, again="duplicate")


@endpoint("DELETE", "/shared-links/{id}/assets", permission="sharedLink.update", body=AssetIds)
async def remove_shared_link_assets(call: Call) -> Json:
    return await _change_assets(call, shared_links.remove_assets, again="not_found")


def _link(call: Call) -> Link:
    if call.actor.link is None:
        raise Forbidden("Forbidden")
    return call.actor.link


def _digest(password: str) -> bytes:
    return sha256(password.encode()).digest()


def _changes(asked: SharedLinkEdit) -> dict[str, Any]:
    """What is to be changed; an empty text is none."""
    values = {
        "slug": asked.slug,
        "description": asked.description,
        "password": asked.password,
        "expires_at": asked.expires_at,
        "is_upload_allowed": asked.allow_upload,
        "is_download_allowed": asked.allow_download,
        "is_metadata_shown": asked.show_metadata,
    }
    return {
        name: None if value == "" else value for name, value in values.items() if value is not UNSET
    }


async def _change_assets(call: Call, change: Change, *, again: str) -> Json:
    """AssetIdsResponseDto for each; `again` is what is wrong with the second of two that are the
    same."""
    asset_ids, errors = call.body.asset_ids, dict[UUID, str | None]()
    for ids in shares(list(dict.fromkeys(asset_ids))):
        async with call.context.database.write() as tx:
            errors |= await change(tx, call.actor, call.ids["id"], ids)
    results = []
    for id_ in asset_ids:
        error = errors[id_]
        errors[id_] = error or again
        results.append(
            {"assetId": id_, "success": not error, **({"error": error} if error else {})}
        )
    return results


async def _find(
    connection: Connection, actor: Actor, link_id: UUID
) -> reads.shared_links.get_links_row:
    rows = await reads.shared_links.get_links(
        connection, user_id=actor.user_id, link_id=link_id, album_id=None
    )
    if not rows:
        raise Invalid("Shared link not found")
    return rows[0]


async def _show_one(call: Call, link_id: UUID) -> Json:
    async with call.context.database.read() as connection:
        row = await _find(connection, call.actor, link_id)
        shown = await _show(connection, call.actor, [row], with_all=True)
    return shown[0]


async def _show(
    connection: Connection,
    viewer: Actor,
    rows: list[reads.shared_links.get_links_row],
    *,
    with_all: bool,
) -> list[dict[str, Any]]:
    """SharedLinkResponseDto of each, with all its assets or one of them."""
    linked = await reads.shared_links.list_shown(
        connection, link_ids=[row["id"] for row in rows], only_first=not with_all
    )
    ids = list({one["asset_id"] for one in linked})
    assets = await show_assets(connection, viewer, ids, with_exif=with_all)
    assets_of = defaultdict[UUID, list[msgspec.Raw]](list)
    for one in linked:
        if asset := assets.get(one["asset_id"]):
            assets_of[one["link_id"]].append(asset)
    album_ids = list({row["album_id"] for row in rows if row["album_id"]})
    albums: dict[UUID | None, dict[str, Any]] = {
        row["id"]: show_album(row, viewer)
        for row in await reads.albums.get_albums(connection, album_ids=album_ids)
    }
    return [
        show_shared_link(row, assets=assets_of[row["id"]], album=albums.get(row["album_id"]))
        for row in rows
    ]
