"""/stacks: assets that one of them stands for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from server.assets import show_assets
from server.body import Body, Id
from server.bulk import IDS_MAX, BulkIds
from server.endpoint import Call, endpoint
from server.wire import Json
from server.wire.stacks import show_stack
from sql import Connection, reads
from sync.errors import NoAccess
from sync.operations import assets, stacks


class StackSearch(Body):
    primary_asset_id: Id | None = None


class StackCreate(Body):
    asset_ids: Annotated[list[Id], Meta(min_length=2, max_length=IDS_MAX)]


class StackUpdate(Body):
    primary_asset_id: Id | None = None


@endpoint("GET", "/stacks", permission="stack.read", query=StackSearch)
async def search_stacks(call: Call) -> Json:
    async with call.context.database.read() as connection:
        rows = await reads.stacks.list_stacks(
            connection,
            owner_id=call.actor.user_id,
            primary_asset_id=call.query.primary_asset_id,
        )
        return await _show(connection, call, rows)


@endpoint("POST", "/stacks", permission="stack.create", body=StackCreate, status=201)
async def create_stack(call: Call) -> Json:
    async with call.context.database.write() as tx:
        stack_id = await stacks.create_stack(tx, call.actor, call.body.asset_ids)
    return await _show_one(call, stack_id, "stack.read")


@endpoint("DELETE", "/stacks", permission="stack.delete", body=BulkIds)
async def delete_stacks(call: Call) -> None:
    stack_ids = sorted(set(call.body.ids))
    async with call.context.database.read() as connection:
        rows = await reads.stacks.get_stacks(
            connection, stack_ids=stack_ids, owner_id=call.actor.user_id
        )
    if len(rows) != len(stack_ids):
        raise NoAccess("stack.delete")
    for some in assets.shares(stack_ids):
        async with call.context.database.write() as tx:
            await stacks.delete_stacks(tx, call.actor, some)


@endpoint("GET", "/stacks/{id}", permission="stack.read")
async def get_stack(call: Call) -> Json:
    return await _show_one(call, call.ids["id"], "stack.read")


@endpoint("PUT", "/stacks/{id}", permission="stack.update", body=StackUpdate, aliases=("PATCH",))
async def update_stack(call: Call) -> Json:
    if call.body.primary_asset_id:
        async with call.context.database.write() as tx:
            await stacks.update_stack(tx, call.actor, call.ids["id"], call.body.primary_asset_id)
    return await _show_one(call, call.ids["id"], "stack.update")


@endpoint("DELETE", "/stacks/{id}", permission="stack.delete")
async def delete_stack(call: Call) -> None:
    async with call.context.database.write() as tx:
        await stacks.delete_stack(tx, call.actor, call.ids["id"])


@endpoint("DELETE", "/stacks/{id}/assets/{assetId}", permission="stack.update")
async def remove_asset_from_stack(call: Call) -> None:
    async with call.context.database.write() as tx:
        await stacks.remove_asset_from_stack(tx, call.actor, call.ids["id"], call.ids["assetId"])


async def _show_one(call: Call, stack_id: UUID, permission: str) -> Json:
    async with call.context.database.read() as connection:
        rows = await reads.stacks.get_stacks(
            connection, stack_ids=[stack_id], owner_id=call.actor.user_id
        )
        if not rows:
            raise NoAccess(permission)
        return (await _show(connection, call, rows, with_tags=True))[0]


async def _show(
    connection: Connection,
    call: Call,
    rows: Sequence[reads.stacks.get_stacks_row] | Sequence[reads.stacks.list_stacks_row],
    *,
    with_tags: bool = False,
) -> list[Json]:
    ids = [id_ for row in rows for id_ in row["asset_ids"]]
    assets = await show_assets(connection, call.actor, ids, with_exif=True, with_tags=with_tags)
    return [show_stack(row, assets) for row in rows]
