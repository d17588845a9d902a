"""Memories: assets to look back at, for some days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import msgspec

from sql import Transaction, reads, writes
from sync import access, log
from sync.actor import Actor
from sync.errors import NoAccess


async def create_memory(
    tx: Transaction,
    actor: Actor,
    *,
    type: str,
    data: dict[str, Any],
    memory_at: datetime,
    asset_ids: Sequence[UUID] = (),
    is_saved: bool = False,
    seen_at: datetime | None = None,
    show_at: datetime | None = None,
    hide_at: datetime | None = None,
) -> UUID:
    """`data` as the type has it: `{"year": 2019}` of `on_this_day`."""
    await _lock_assets(tx, actor, asset_ids)
    row = await writes.memories.insert_memory(
        tx,
        owner_id=actor.user_id,
        type=type,
        data=msgspec.json.encode(data).decode(),
        is_saved=is_saved,
        memory_at=memory_at,
        seen_at=seen_at,
        show_at=show_at,
        hide_at=hide_at,
    )
    links = await writes.memories.insert_links(tx, memory_id=row["id"], asset_ids=list(asset_ids))
    await _stage(tx, "memory.created", actor.user_id, [row["id"]])
    await _stage(tx, "memory_asset.changed", actor.user_id, [link["id"] for link in links])
    return row["id"]


async def update_memory(
    tx: Transaction,
    actor: Actor,
    memory_id: UUID,
    *,
    is_saved: bool | None = None,
    memory_at: datetime | None = None,
    seen_at: datetime | None = None,
) -> None:
    """Change what is not None."""
    await _lock(tx, actor, memory_id, "memory.update")
    await writes.memories.update_memory(
        tx, memory_id=memory_id, is_saved=is_saved, memory_at=memory_at, seen_at=seen_at
    )
    await _stage(tx, "memory.updated", actor.user_id, [memory_id])


async def add_assets(
    tx: Transaction, actor: Actor, memory_id: UUID, asset_ids: Sequence[UUID]
) -> list[UUID]:
    """Show up to a thousand more; return those that were not shown already."""
    await _lock_assets(tx, actor, asset_ids)
    await _lock(tx, actor, memory_id, "memory.read")
    added = await writes.memories.insert_links(tx, memory_id=memory_id, asset_ids=list(asset_ids))
    return await _stage_links(tx, actor, memory_id, added)


async def remove_assets(
    tx: Transaction, actor: Actor, memory_id: UUID, asset_ids: Sequence[UUID]
) -> list[UUID]:
    """Show up to a thousand no more; return those that were shown."""
    await _lock(tx, actor, memory_id, "memory.update")
    removed = await writes.memories.delete_links(tx, memory_id=memory_id, asset_ids=list(asset_ids))
    return await _stage_links(tx, actor, memory_id, removed)


async def delete_memory(tx: Transaction, actor: Actor, memory_id: UUID) -> None:
    """The assets stay."""
    await _lock(tx, actor, memory_id, "memory.delete")
    await _delete(tx, actor.user_id, [memory_id])


async def remember_day(tx: Transaction, owner_id: UUID, day: date) -> int:
    """Make a memory of each year before that has pictures of this date; how many.

    None when this, or a later day, was made before. They are shown on that day.
    """
    if not await writes.memories.note_progress(tx, owner_id=owner_id, day=day):
        return 0
    years = defaultdict(list)
    for row in await reads.memories.list_this_day(tx, owner_id=owner_id, day=day):
        years[row["year"]].append(row["asset_id"])
    start = datetime.combine(day, time(), UTC)
    for year, found in years.items():
        kept = await writes.assets.lock_assets(tx, asset_ids=found, owner_id=owner_id)
        await create_memory(
            tx,
            Actor(owner_id),
            type="on_this_day",
            data={"year": year},
            memory_at=start.replace(year=year),
            asset_ids=[row["id"] for row in kept if row["visibility"] == "timeline"],
            show_at=start,
            hide_at=start + timedelta(days=1, milliseconds=-1),
        )
    return len(years)


async def forget_stale(tx: Transaction) -> int:
    """Some of the memories, of anybody's, that were not saved in thirty days; zero: no more."""
    rows = await writes.memories.lock_stale(tx)
    for owner_id, ids in _by_owner(rows).items():
        await _delete(tx, owner_id, ids)
    return len(rows)


async def forget_hidden(tx: Transaction) -> int:
    """What left the timeline leaves some of the memories that show it; zero: no more."""
    rows = await writes.memories.lock_faded(tx)
    for owner_id, ids in _by_owner(rows).items():
        links = await writes.memories.delete_faded_links(tx, memory_ids=ids)
        await _stage(tx, "memory_asset.changed", owner_id, [link["id"] for link in links])
    return len(rows)


async def forget_assets(tx: Transaction, owner_id: UUID, asset_ids: Sequence[UUID]) -> None:
    """Assets go; the memories stay."""
    await writes.memories.lock_memories_of(tx, asset_ids=list(asset_ids))
    links = await writes.memories.delete_links_of(tx, asset_ids=list(asset_ids))
    await _stage(tx, "memory_asset.changed", owner_id, [link["id"] for link in links])


async def forget_all(tx: Transaction, owner_id: UUID) -> None:
    """A user goes, whose assets are gone already."""
    rows = await writes.memories.delete_memories(tx, owner_id=owner_id)
    await _stage(tx, "memory.deleted", owner_id, [row["id"] for row in rows])


async def _delete(tx: Transaction, owner_id: UUID, memory_ids: list[UUID]) -> None:
    links = await writes.memories.delete_links_in(tx, memory_ids=memory_ids)
    gone = await writes.memories.delete_some(tx, memory_ids=memory_ids)
    await _stage(tx, "memory_asset.changed", owner_id, [link["id"] for link in links])
    await _stage(tx, "memory.deleted", owner_id, [row["id"] for row in gone])


def _by_owner(rows: Sequence[writes.memories.lock_stale_row]) -> dict[UUID, list[UUID]]:
    owned = defaultdict(list)
    for row in rows:
        owned[row["owner_id"]].append(row["id"])
    return owned


async def _lock_assets(tx: Transaction, actor: Actor, asset_ids: Sequence[UUID]) -> None:
    """Hold the actor's assets. What is locked away is nothing to stumble upon."""
    rows = await access.lock_assets(tx, actor, asset_ids, "asset.share")
    if any(row["visibility"] == "locked" for row in rows):
        raise NoAccess("asset.share")


async def _lock(tx: Transaction, actor: Actor, memory_id: UUID, permission: str) -> None:
    memory = await writes.memories.lock_memory(tx, memory_id=memory_id, owner_id=actor.user_id)
    if memory is None:
        raise NoAccess(permission)


async def _stage_links(
    tx: Transaction, actor: Actor, memory_id: UUID, rows: Sequence[writes.memories.insert_links_row]
) -> list[UUID]:
    """Links that came or went; when the memory changed follows."""
    if rows:
        await _stage(tx, "memory_asset.changed", actor.user_id, [row["id"] for row in rows])
        await writes.memories.update_memory(
            tx, memory_id=memory_id, is_saved=None, memory_at=None, seen_at=None
        )
        await _stage(tx, "memory.updated", actor.user_id, [memory_id])
    return [row["asset_id"] for row in rows]


async def _stage(tx: Transaction, topic: str, owner_id: UUID, ids: Sequence[UUID]) -> None:
    await log.stage(tx, topic, owner_id, ids, audience=[owner_id])
