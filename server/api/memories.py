"""/memories: assets to look back at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, field

from server.assets import show_assets
from server.body import Body, Id, InvalidBody, Moment
from server.bulk import BulkIds, Ids, show_results
from server.endpoint import Call, endpoint
from server.wire import Json
from server.wire.memories import show_memory
from sql import Connection, reads
from sync import access
from sync.errors import NoAccess
from sync.operations import assets, memories

SIZE_MAX = 2**31 - 1

Type = Literal["on_this_day"]
Count = Annotated[int, Meta(ge=1, le=SIZE_MAX)]


class MemorySearch(Body):
    day: str | None = field(default=None, name="for")
    id: Id | None = None
    is_saved: bool | None = None
    is_trashed: bool = False
    is_upcoming: bool | None = None
    order: Literal["asc", "desc", "random"] = "desc"
    page: Count = 1
    size: Count | None = None
    type: Type | None = None


# In the trash or not, of any type, shown at any time.
ANY: dict[str, None] = dict.fromkeys(("day", "is_saved", "is_trashed", "type", "is_upcoming"))


class OnThisDay(Body):
    year: Annotated[int, Meta(ge=1000, le=9999)]


class MemoryCreate(Body, kw_only=True):
    type: Type
    data: OnThisDay
    memory_at: Moment
    asset_ids: Ids = field(default_factory=list)
    is_saved: bool = False
    seen_at: Moment | None = None
    show_at: Moment | None = None
    hide_at: Moment | None = None


class MemoryUpdate(Body):
    is_saved: bool | None = None
    memory_at: Moment | None = None
    seen_at: Moment | None = None


@endpoint("GET", "/memories", permission="memory.read", query=MemorySearch)
async def search_memories(call: Call) -> Json:
    asked = call.query
    skipped = (asked.page - 1) * asked.size if asked.size else 0
    async with call.context.database.read() as connection:
        rows = await reads.memories.list_memories(
            connection, **_filter(call), order=asked.order, size=asked.size, skipped=skipped
        )
        return await _show(connection, call, rows)


@endpoint("GET", "/memories/statistics", permission="memory.statistics", query=MemorySearch)
async def memories_statistics(call: Call) -> Json:
    async with call.context.database.read() as connection:
        return {"total": await reads.memories.count_memories(connection, **_filter(call))}


@endpoint("POST", "/memories", permission="memory.create", body=MemoryCreate, status=201)
async def create_memory(call: Call) -> Json:
    """Assets that may not be shown in it are left out."""
    asked = call.body
    async with call.context.database.read() as connection:
        allowed = await _list_allowed(connection, call, asked.asset_ids)
    first, *others = list(assets.shares(sorted(allowed))) or [[]]
    async with call.context.database.write() as tx:
        memory_id = await memories.create_memory(
            tx,
            call.actor,
            type=asked.type,
            data={"year": asked.data.year},
            memory_at=asked.memory_at,
            asset_ids=first,
            is_saved=asked.is_saved,
            seen_at=asked.seen_at,
            show_at=asked.show_at,
            hide_at=asked.hide_at,
        )
    for share in others:
        async with call.context.database.write() as tx:
            await memories.add_assets(tx, call.actor, memory_id, share)
    return await _show_one(call, memory_id, "memory.read")


@endpoint("GET", "/memories/{id}", permission="memory.read")
async def get_memory(call: Call) -> Json:
    return await _show_one(call, call.ids["id"], "memory.read")


@endpoint(
    "PUT", "/memories/{id}", permission="memory.update", body=MemoryUpdate, aliases=("PATCH",)
)
async def update_memory(call: Call) -> Json:
    async with call.context.database.write() as tx:
        await memories.update_memory(
            tx,
            call.actor,
            call.ids["id"],
            is_saved=call.body.is_saved,
            memory_at=call.body.memory_at,
            seen_at=call.body.seen_at,
        )
    return await _show_one(call, call.ids["id"], "memory.update")


@endpoint("DELETE", "/memories/{id}", permission="memory.delete")
async def delete_memory(call: Call) -> None:
    async with call.context.database.write() as tx:
        await memories.delete_memory(tx, call.actor, call.ids["id"])


@endpoint("PUT", "/memories/{id}/assets", permission="memoryAsset.create", body=BulkIds)
async def add_memory_assets(call: Call) -> Json:
    memory_id, asset_ids = call.ids["id"], call.body.ids
    async with call.context.database.read() as connection:
        await _require(connection, call, memory_id, "memory.read")
        allowed = await _list_allowed(connection, call, asset_ids)
    added: set[UUID] = set()
    for share in assets.shares(sorted(allowed)):
        async with call.context.database.write() as tx:
            added.update(await memories.add_assets(tx, call.actor, memory_id, share))
    return show_results(asset_ids, added, error="duplicate", denied=set(asset_ids) - allowed)


@endpoint("DELETE", "/memories/{id}/assets", permission="memoryAsset.delete", body=BulkIds)
async def remove_memory_assets(call: Call) -> Json:
    memory_id, asset_ids = call.ids["id"], call.body.ids
    async with call.context.database.read() as connection:
        await _require(connection, call, memory_id, "memory.update")
    removed: set[UUID] = set()
    for share in assets.shares(asset_ids):
        async with call.context.database.write() as tx:
            removed.update(await memories.remove_assets(tx, call.actor, memory_id, share))
    return show_results(asset_ids, removed, error="not_found")


def _filter(call: Call) -> dict[str, Any]:
    asked = call.query
    return {
        "owner_id": call.actor.user_id,
        "day": None if asked.day is None else _parse_day(asked.day),
        "memory_id": asked.id,
        "is_saved": asked.is_saved,
        "is_trashed": asked.is_trashed,
        "is_upcoming": asked.is_upcoming,
        "type": asked.type,
    }


def _parse_day(text: str) -> datetime:
    """A date; until 3.2 the web app sent the time too, of its own clock."""
    day, _, time = text.partition("T")
    try:
        if time:
            datetime.fromisoformat(text)
        return datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        message = "Invalid input: expected ISO 8601 date string, received string"
        issue = {"code": "invalid_format", "format": "date", "path": ["for"], "message": message}
        raise InvalidBody([issue]) from None


async def _list_allowed(connection: Connection, call: Call, asset_ids: list[Id]) -> set[UUID]:
    """Those that are the actor's own, without what is locked away."""
    own = await access.list_allowed_assets(connection, call.actor, asset_ids, "asset.update")
    return await access.list_allowed_assets(connection, call.actor, own, "asset.share")


async def _require(
    connection: Connection, call: Call, memory_id: UUID, permission: str
) -> reads.memories.list_memories_row:
    rows = await reads.memories.list_memories(
        connection, owner_id=call.actor.user_id, memory_id=memory_id, **ANY, order="asc", size=1,
        skipped=0,
    )  # fmt: skip
    if not rows:
        raise NoAccess(permission)
    return rows[0]


async def _show_one(call: Call, memory_id: UUID, permission: str) -> Json:
    async with call.context.database.read() as connection:
        row = await _require(connection, call, memory_id, permission)
        return (await _show(connection, call, [row]))[0]


async def _show(
    connection: Connection, call: Call, rows: Sequence[reads.memories.list_memories_row]
) -> list[Json]:
    ids = [id_ for row in rows for id_ in row["asset_ids"]]
    assets = await show_assets(connection, call.actor, ids)
    return [show_memory(row, assets) for row in rows]
