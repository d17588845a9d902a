"""Memories: what is shown in them, and whose they are."""

from __future__ import annotations

from datetime import UTC, date, datetime
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


async def test_a_day_is_remembered_once_and_no_day_before_it(database, alice, ids, do, execute):
    await execute("UPDATE asset SET thumbhash = 'x', local_date_time = '2020-05-06 12:00'")
    assert await do(memories.remember_day, alice.user_id, date(2021, 5, 6)) == 1
    for day in (date(2021, 5, 6), date(2019, 1, 1)):
        assert await do(memories.remember_day, alice.user_id, day) == 0
    assert await do(memories.remember_day, alice.user_id, date(2022, 5, 6)) == 1
    assert await ask_one(database, "SELECT count(*) FROM memory_asset") == 8


async def test_the_29th_of_february_is_not_the_28th(alice, ids, do, execute):
    await execute("UPDATE asset SET thumbhash = 'x', local_date_time = '2020-02-29 12:00'")
    for day, years in (
        (date(2023, 2, 28), 0),
        (date(2023, 3, 1), 0),
        (date(2024, 2, 29), 1),
    ):
        assert await do(memories.remember_day, alice.user_id, day) == years


async def test_nobody_remembers_the_future_or_nothing(alice, bob, ids, do):
    assert await do(memories.remember_day, alice.user_id, date(1999, 5, 6)) == 0
    assert await do(memories.remember_day, bob.user_id, date(2030, 5, 6)) == 0


async def test_of_everybody_what_is_old_and_unsaved_goes(database, alice, bob, ids, do, execute):
    made = [
        (actor, await do(memories.create_memory, actor, **ABOUT, asset_ids=own, is_saved=is_saved))
        for actor, own in ((alice, ids), (bob, []))
        for is_saved in (True, False)
    ]
    assert await do(memories.forget_stale) == 0
    await execute("UPDATE memory SET created_at = now() - interval '31 days'")
    async with database.write() as tx:  # The log knows of it, too.
        for actor, memory_id in made:
            await memories.update_memory(tx, actor, memory_id)
    assert await do(memories.forget_stale) == 2
    assert await do(memories.forget_stale) == 0
    left = await ask(database, "SELECT id FROM memory WHERE is_saved")
    assert {row["id"] for row in left} == {made[0][1], made[2][1]}


async def test_of_everybody_what_left_the_timeline_goes(alice, memory_id, ids, do, shown):
    await do(assets.update_assets, alice, ids[:1], visibility="archive")
    assert await do(memories.forget_hidden) == 1
    assert await do(memories.forget_hidden) == 0
    assert await shown(memory_id) == {ids[1]}
