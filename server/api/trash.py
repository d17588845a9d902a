"""/trash: what was thrown away and may come back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from server.bulk import BulkIds
from server.endpoint import Call, endpoint
from server.wire import Json
from sql import Transaction
from sync import access
from sync.actor import Actor
from sync.operations import assets


@endpoint("POST", "/trash/empty", permission="asset.delete")
async def empty_trash(call: Call) -> Json:
    return await _until_empty(call, assets.empty_trash)


@endpoint("POST", "/trash/restore", permission="asset.delete")
async def restore_trash(call: Call) -> Json:
    return await _until_empty(call, assets.restore_some)


@endpoint("POST", "/trash/restore/assets", permission="asset.delete", body=BulkIds)
async def restore_assets(call: Call) -> Json:
    async with call.context.database.read() as connection:
        await access.require_assets(connection, call.actor, call.body.ids, "asset.delete")
    count = 0
    for ids in assets.shares(call.body.ids):
        async with call.context.database.write() as tx:
            count += await assets.restore_assets(tx, call.actor, ids)
    return {"count": count}


async def _until_empty(
    call: Call, take_some: Callable[[Transaction, Actor], Awaitable[int]]
) -> Json:
    """A thousand at a time, each on record by itself."""
    count = 0
    while True:
        async with call.context.database.write() as tx:
            taken = await take_some(tx, call.actor)
        count += taken
        if not taken:
            return {"count": count}
