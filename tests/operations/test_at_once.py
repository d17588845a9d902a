"""Operations that meet: none deadlocks, and none misses what the other does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from sync.errors import Invalid
from sync.operations import albums, assets, memories, people, stacks
from sync.operations.people import Box
from tests.operations.state import differences
from tests.sync.library import ask_one, new_asset, sequence, until

BOX = Box(100, 100, 10, 10, 20, 20)
BEHIND = "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"


@pytest.fixture
async def ids(database, alice):
    return sorted([await new_asset(database, alice) for _ in range(4)])


async def agrees(database, *tasks):
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(one, Invalid | None) for one in done), done
    await sequence(database)
    assert await differences(database) == []


async def test_a_deletion_and_a_change_of_who_is_left_in_the_stack(database, alice, ids, do, start):
    first, second, *_ = ids
    await do(stacks.create_stack, alice, [first, second])
    album_id = await do(albums.create_album, alice, "A")
    await do(albums.add_assets, alice, album_id, [second])
    async with database.write() as tx:
        await tx.execute("SELECT 1 FROM album FOR UPDATE")
        deletion = await start(assets.delete_assets, alice, [second])
        change = await start(assets.update_assets, alice, [first, second], is_favorite=True)
    await agrees(database, deletion, change)


async def test_a_new_stack_and_a_change_of_who_is_left_in_the_old(database, alice, ids, do, start):
    first, second, third, _ = ids
    await do(stacks.create_stack, alice, [first, second])
    async with database.write() as tx:
        await tx.execute("SELECT 1 FROM asset WHERE id = %s FOR UPDATE", [third])
        stacking = await start(stacks.create_stack, alice, [third, second])
        change = await start(assets.update_assets, alice, [first, second], is_favorite=True)
    await agrees(database, stacking, change)


@pytest.fixture
async def scene(database, alice, ids, do):
    """A stack, an album, a memory, and two people with a face each in the first and second."""
    named = [await do(people.create_person, alice, name=name) for name in ("Anna", "Bert")]
    faces = [
        await do(people.create_face, alice, asset_id, person_id, BOX)
        for asset_id, person_id in zip(ids[:2], named, strict=True)
    ]
    faceless = await do(people.create_person, alice, name="Carl")
    album_id = await do(albums.create_album, alice, "A")
    await do(albums.add_assets, alice, album_id, ids)
    stack_id = await do(stacks.create_stack, alice, ids[:3])
    memory_id = await do(
        memories.create_memory,
        alice,
        type="on_this_day",
        data={"year": 2020},
        memory_at=datetime(2020, 1, 1, tzinfo=UTC),
        asset_ids=ids,
    )
    return {
        "delete the first": (assets.delete_assets, alice, ids[:1]),
        "delete the second": (assets.delete_assets, alice, ids[1:2]),
        "delete the rest": (assets.delete_assets, alice, ids[2:]),
        "lock away": (assets.update_assets, alice, ids[::2]),
        "merge": (people.merge_people, alice, named[1], named[:1]),
        "merge back": (people.merge_people, alice, named[0], named[1:]),
        "merge into a new one": (people.merge_people, alice, faceless, named[:1]),
        "delete a person": (people.delete_people, alice, [named[0]]),
        "reassign": (people.reassign_face, alice, faces[0], named[1]),
        "find no faces": (people.record_faces, ids[0], []),
        "find a face": (people.record_faces, ids[0], [BOX._replace(x1=60, x2=90)]),
        "stack with another": (stacks.create_stack, alice, [ids[3], ids[0]]),
        "take out": (stacks.remove_asset_from_stack, alice, stack_id, ids[1]),
        "end the stack": (stacks.delete_stack, alice, stack_id),
        "forget": (memories.delete_memory, alice, memory_id),
        "remove from the memory": (memories.remove_assets, alice, memory_id, ids[::-1]),
        "remove from the album": (albums.remove_assets, alice, album_id, ids[::-1]),
    }


MEETINGS = [
    ("merge", "delete the first"),
    ("merge into a new one", "delete the first"),
    ("merge", "delete the second"),
    ("merge", "merge back"),
    ("merge", "reassign"),
    ("merge", "find no faces"),
    ("delete a person", "reassign"),
    ("reassign", "delete a person"),
    ("reassign", "delete the first"),
    ("find a face", "delete the first"),
    ("delete the first", "find a face"),
    ("delete the first", "delete the second"),
    ("delete the first", "stack with another"),
    ("stack with another", "delete the rest"),
    ("stack with another", "take out"),
    ("take out", "delete the rest"),
    ("end the stack", "take out"),
    ("end the stack", "delete the first"),
    ("forget", "delete the first"),
    ("delete the rest", "forget"),
    ("remove from the memory", "delete the first"),
    ("delete the rest", "remove from the album"),
    ("lock away", "delete the rest"),
]


@pytest.mark.parametrize(("one", "other"), MEETINGS)
async def test_who_comes_second_sees_what_the_first_did(database, scene, start, one, other):
    """Also in the state, with a pass between: who deletes is held up until then."""
    operation, *values = scene[one]
    details = {"visibility": "locked"} if one == "lock away" else {}
    async with database.write() as brake:
        async with database.write() as tx:
            await operation(tx, *values, **details)
            await brake.execute('SELECT 1 FROM "user" FOR NO KEY UPDATE SKIP LOCKED')
            second = await start(*scene[other])

        async def is_held_up():
            braked = await ask_one(database, BEHIND, brake.info.backend_pid)
            return second.done() or braked

        await until(is_held_up)
        await sequence(database)
    await agrees(database, second)
