"""/tags: words for assets, in a tree."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from server.body import Body, Id
from server.bulk import IDS_MAX, BulkIds, Ids, show_results
from server.endpoint import Call, endpoint
from server.wire import Json
from server.wire.tags import show_tag
from sql import Connection, reads
from sync import access
from sync.errors import NoAccess
from sync.operations import assets, tags

TAGS_AT_ONCE = 100  # to a thousand assets

Name = Annotated[str, Meta(pattern=r"^[^\/]*$")]
Color = Annotated[
    str, Meta(pattern=r"^#?([0-9A-Fa-f]{3}|[0-9A-Fa-f]{4}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})\Z")
]


class TagCreate(Body):
    name: Name
    parent_id: Id | None = None
    color: Color | None = None


class TagUpdate(Body):
    name: Name | UnsetType = UNSET
    color: Color | UnsetType | None = UNSET


class TagUpsert(Body):
    tags: Annotated[list[str], Meta(max_length=IDS_MAX)]


class TagBulkAssets(Body):
    asset_ids: Ids
    tag_ids: Ids


@endpoint("GET", "/tags", permission="tag.read")
async def get_all_tags(call: Call) -> Json:
    async with call.context.database.read() as connection:
        rows = await reads.tags.list_tags(connection, owner_id=call.actor.user_id)
    return [show_tag(row) for row in rows]


@endpoint("POST", "/tags", permission="tag.create", body=TagCreate, status=201)
async def create_tag(call: Call) -> Json:
    asked = call.body
    async with call.context.database.write() as tx:
        tag_id = await tags.create_tag(
            tx, call.actor, asked.name, parent_id=asked.parent_id, color=_with_hash(asked.color)
        )
    return await _show(call, tag_id, "tag.read")


@endpoint("PUT", "/tags", permission="tag.create", body=TagUpsert)
async def upsert_tags(call: Call) -> Json:
    tag_ids: list[UUID] = []
    for values in assets.shares(call.body.tags):
        async with call.context.database.write() as tx:
            tag_ids += await tags.upsert_tags(tx, call.actor, values)
    async with call.context.database.read() as connection:
        rows = await _get_tags(connection, call, tag_ids)
    return [show_tag(rows[tag_id]) for tag_id in dict.fromkeys(tag_ids) if tag_id in rows]


@endpoint("PUT", "/tags/assets", permission="tag.asset", body=TagBulkAssets)
async def bulk_tag_assets(call: Call) -> Json:
    """What may not be tagged, or tagged with, is passed over."""
    tag_ids, asset_ids = set(call.body.tag_ids), set(call.body.asset_ids)
    async with call.context.database.read() as connection:
        tag_ids &= set(await _get_tags(connection, call, list(tag_ids)))
        asset_ids = await access.list_allowed_assets(
            connection, call.actor, asset_ids, "asset.update"
        )
    count = 0
    ordered = sorted(tag_ids)
    for first in range(0, len(ordered), TAGS_AT_ONCE):
        for share in assets.shares(sorted(asset_ids)):
            async with call.context.database.write() as tx:
                some = ordered[first : first + TAGS_AT_ONCE]
                count += len(await tags.tag_assets(tx, call.actor, some, share))
    return {"count": count}


@endpoint("GET", "/tags/{id}", permission="tag.read")
async def get_tag_by_id(call: Call) -> Json:
    return await _show(call, call.ids["id"], "tag.read")


@endpoint("PUT", "/tags/{id}", permission="tag.update", body=TagUpdate, aliases=("PATCH",))
async def update_tag(call: Call) -> Json:
    tag_id = call.ids["id"]
    async with call.context.database.write() as tx:
        if call.body.name is not UNSET:
            await tags.rename_tag(tx, call.actor, tag_id, call.body.name)
        if call.body.color is not UNSET:
            await tags.set_color(tx, call.actor, tag_id, _with_hash(call.body.color))
    return await _show(call, tag_id, "tag.update")


@endpoint("DELETE", "/tags/{id}", permission="tag.delete")
async def delete_tag(call: Call) -> None:
    async with call.context.database.write() as tx:
        await tags.delete_tag(tx, call.actor, call.ids["id"])


@endpoint("PUT", "/tags/{id}/assets", permission="tag.asset", body=BulkIds)
async def tag_assets(call: Call) -> Json:
    tag_id, asset_ids = call.ids["id"], call.body.ids
    async with call.context.database.read() as connection:
        await _require(connection, call, tag_id, "tag.asset")
        allowed = await access.list_allowed_assets(
            connection, call.actor, asset_ids, "asset.update"
        )
    added: set[UUID] = set()
    for share in assets.shares(sorted(allowed)):
        async with call.context.database.write() as tx:
            pairs = await tags.tag_assets(tx, call.actor, [tag_id], share)
        added.update(asset_id for _, asset_id in pairs)
    denied = set(asset_ids) - allowed
    return show_results(asset_ids, added, error="duplicate", denied=denied)


@endpoint("DELETE", "/tags/{id}/assets", permission="tag.asset", body=BulkIds)
async def untag_assets(call: Call) -> Json:
    tag_id, asset_ids = call.ids["id"], call.body.ids
    async with call.context.database.read() as connection:
        await _require(connection, call, tag_id, "tag.asset")
        allowed = await access.list_allowed_assets(
            connection, call.actor, asset_ids, "asset.update"
        )
    removed: set[UUID] = set()
    for share in assets.shares(sorted(allowed)):
        async with call.context.database.write() as tx:
            removed.update(await tags.untag_assets(tx, call.actor, tag_id, share))
    return show_results(asset_ids, removed, error="not_found")


async def _show(call: Call, tag_id: UUID, permission: str) -> Json:
    async with call.context.database.read() as connection:
        return show_tag(await _require(connection, call, tag_id, permission))


async def _require(
    connection: Connection, call: Call, tag_id: UUID, permission: str
) -> reads.tags.get_tags_row:
    rows = await _get_tags(connection, call, [tag_id])
    if not rows:
        raise NoAccess(permission)
    return rows[tag_id]


async def _get_tags(
    connection: Connection, call: Call, tag_ids: list[UUID]
) -> dict[UUID, reads.tags.get_tags_row]:
    """Those that are the actor's, by id."""
    rows = await reads.tags.get_tags(connection, tag_ids=tag_ids, owner_id=call.actor.user_id)
    return {row["id"]: row for row in rows}


def _with_hash(color: str | None) -> str | None:
    return color if color is None or color.startswith("#") else f"#{color}"
