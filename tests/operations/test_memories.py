"""Memories: what is shown in them, and whose they are."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from sync.errors import NoAccess
from sync.operations import assets, memories
from tests.sync.library import ask, ask_one, new_asset, sequence

DAY = datetime(2020, 5, 6, tzinfo=UTC)
ABOUT = {"type": "on_this_day", "data": {"year": 2020}, "memory_at": DAY}


@pytest.fixture
async def ids(database, alice):
    return [await new_asset(database, alice) for _ in range(4)]


@pytest.fixture
async def memory_id(alice, ids, do):
    return await do(memories.create_memory, alice, **ABOUT, asset_ids=ids[:2])


@pytest.fixture
def shown(database):
    """The assets of a memory."""

    async def shown(memory_id):
        rows = await ask(
            database, "SELECT asset_id FROM memory_asset WHERE memory_id = %s", memory_id
        )
        return {row["asset_id"] for row in rows}

    return shown


async def test_a_memory_is_what_was_said(database, alice, do):
    memory_id = await do(
        memories.create_memory, alice, **ABOUT, is_saved=True, show_at=DAY, hide_at=DAY
    )
    (row,) = await ask(database, "SELECT * FROM memory")
    assert row["id"] == memory_id
    assert (row["data"], row["is_saved"], row["hide_at"]) == ({"year": 2020}, True, DAY)


async def test_a_memory_changes_only_in_what_is_given(database, alice, memory_id, do):
    await do(memories.update_memory, alice, memory_id, seen_at=DAY)
    await do(memories.update_memory, alice, memory_id, is_saved=True)
    (row,) = await ask(database, "SELECT * FROM memory")
    assert (row["seen_at"], row["is_saved"], row["memory_at"]) == (DAY, True, DAY)


async def test_assets_come_and_go(alice, memory_id, ids, do, shown):
    assert await do(memories.add_assets, alice, memory_id, ids[1:3]) == [ids[2]]
    assert await shown(memory_id) == set(ids[:3])
    assert await do(memories.add_assets, alice, memory_id, ids[1:3]) == []
    assert await do(memories.remove_assets, alice, memory_id, [ids[0], ids[3]]) == [ids[0]]
    assert await shown(memory_id) == set(ids[1:3])


async def test_a_memory_ends_and_its_assets_stay(database, alice, memory_id, do):
    await do(memories.delete_memory, alice, memory_id)
    assert await ask_one(database, "SELECT count(*) FROM asset") == 4
    living = "SELECT count(*) FROM state WHERE kind LIKE 'memory%%' AND NOT is_gone"
    assert await ask_one(database, living) == 0


async def test_a_deleted_asset_is_in_no_memory(alice, memory_id, ids, do, shown):
    other = await do(memories.create_memory, alice, **ABOUT, asset_ids=ids)
    await do(assets.delete_assets, alice, [ids[0]])
    assert await shown(memory_id) == {ids[1]}
    assert await shown(other) == set(ids[1:])


async def test_what_is_locked_away_stays_in_its_memories(alice, memory_id, ids, do, shown):
    await do(assets.update_assets, alice, [ids[0]], visibility="locked")
    assert ids[0] in await shown(memory_id)


async def test_nothing_of_another_is_remembered_and_nothing_locked(
    database, alice, bob, memory_id, ids, refused
):
    theirs = await new_asset(database, bob)
    locked = await new_asset(database, alice, visibility="locked")
    await sequence(database)
    elevated = alice._replace(is_elevated=True)
    for operation, actor, *values in (
        (memories.add_assets, alice, memory_id, [theirs]),
        (memories.add_assets, alice, memory_id, [uuid4()]),
        (memories.add_assets, elevated, memory_id, [locked]),
        (memories.add_assets, bob, memory_id, [theirs]),
        (memories.add_assets, alice, uuid4(), [ids[0]]),
        (memories.remove_assets, bob, memory_id, [ids[0]]),
        (memories.update_memory, bob, memory_id),
        (memories.delete_memory, bob, memory_id),
        (memories.delete_memory, alice, uuid4()),
    ):
        await refused(NoAccess, operation, actor, *values)
    await refused(NoAccess, memories.create_memory, alice, **ABOUT, asset_ids=[ids[0], theirs])
