"""Stacks: who is in which, and who stands for it."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from sync.errors import Invalid, NoAccess
from sync.operations import assets, stacks
from tests.operations.state import differences
from tests.sync.library import ask, ask_one, new_asset, sequence


@pytest.fixture
def shown(database):
    """The stacks as (first, members)."""

    async def shown():
        rows = await ask(
            database,
            "SELECT primary_asset_id AS first, array_agg(asset.id) AS members"
            " FROM stack JOIN asset ON stack_id = stack.id GROUP BY stack.id",
        )
        return {row["first"]: set(row["members"]) for row in rows}

    return shown


@pytest.fixture
async def ids(database, alice):
    return [await new_asset(database, alice) for _ in range(6)]


async def test_the_first_stands_for_a_stack(database, alice, ids, do, shown):
    stack_id = await do(stacks.create_stack, alice, [ids[1], ids[0], ids[2]])
    assert await shown() == {ids[1]: set(ids[:3])}
    in_line = "SELECT count(*) FROM state WHERE kind = 'asset' AND data LIKE '%%'||%s::text||'%%'"
    assert await ask_one(database, in_line, stack_id) == 3
    await do(stacks.update_stack, alice, stack_id, ids[2])
    assert await shown() == {ids[2]: set(ids[:3])}


async def test_a_stack_of_one_is_none(alice, ids, refused):
    await refused(Invalid, stacks.create_stack, alice, [ids[0], ids[0]])
    await refused(Invalid, stacks.create_stack, alice, [])


async def test_who_leads_a_stack_brings_it_along_and_who_does_not_leaves_it(alice, ids, do, shown):
    await do(stacks.create_stack, alice, ids[:3])
    await do(stacks.create_stack, alice, [ids[3], ids[0]])
    assert await shown() == {ids[3]: set(ids[:4])}
    await do(stacks.create_stack, alice, [ids[4], ids[1]])
    assert await shown() == {ids[3]: {ids[3], ids[0], ids[2]}, ids[4]: {ids[4], ids[1]}}


async def test_a_stack_that_is_left_by_all_but_one_ends(alice, ids, do, shown):
    await do(stacks.create_stack, alice, ids[:2])
    await do(stacks.create_stack, alice, [ids[2], ids[1]])
    assert await shown() == {ids[2]: {ids[2], ids[1]}}


async def test_the_same_assets_can_be_stacked_again(alice, ids, do, shown):
    await do(stacks.create_stack, alice, ids[:2])
    await do(stacks.create_stack, alice, ids[1::-1])
    assert await shown() == {ids[1]: set(ids[:2])}


async def test_a_member_leaves_but_not_the_first(alice, ids, do, refused, shown):
    stack_id = await do(stacks.create_stack, alice, ids[:3])
    remove = stacks.remove_asset_from_stack
    await refused(Invalid, remove, alice, stack_id, ids[0], match="primary")
    await refused(Invalid, remove, alice, stack_id, ids[5], match="not in stack")
    await do(remove, alice, stack_id, ids[1])
    assert await shown() == {ids[0]: {ids[0], ids[2]}}
    await do(remove, alice, stack_id, ids[2])
    assert await shown() == {}


async def test_a_stack_ends_and_its_members_stay(database, alice, ids, do, shown):
    stack_id = await do(stacks.create_stack, alice, ids[:3])
    await do(stacks.delete_stack, alice, stack_id)
    assert await shown() == {}
    assert await ask_one(database, "SELECT count(*) FROM asset") == 6
    gone = "SELECT is_gone FROM state WHERE kind = 'stack' AND key = %s"
    assert await ask_one(database, gone, stack_id) is True


async def test_a_deleted_first_is_followed_by_the_next(alice, ids, do, shown):
    await do(stacks.create_stack, alice, ids[:3])
    await do(assets.trash_assets, alice, [ids[1]])
    await do(assets.delete_assets, alice, [ids[0]])
    assert await shown() == {ids[2]: {ids[1], ids[2]}}  # The other one is in the trash.
    await do(assets.empty_trash, alice)
    assert await shown() == {}


async def test_a_stack_is_deleted_with_all_in_it(database, alice, ids, do):
    await do(stacks.create_stack, alice, ids[:3])
    await do(assets.delete_assets, alice, ids)
    assert await ask(database, "SELECT id FROM stack") == []


async def test_the_moving_part_of_a_live_photo_goes_from_its_stack(database, alice, ids, do, shown):
    video = await new_asset(database, alice, type="VIDEO")
    still = await new_asset(database, alice, live_photo_video_id=video)
    await sequence(database)
    await do(stacks.create_stack, alice, [video, *ids[:2]])
    await do(assets.delete_assets, alice, [still])
    (members,) = (await shown()).values()
    assert members == set(ids[:2])


async def test_nothing_of_another_is_stacked_and_nothing_locked_without_the_pin(
    database, alice, bob, ids, do, refused
):
    stack_id = await do(stacks.create_stack, alice, ids[:3])
    theirs = await new_asset(database, bob)
    locked = await new_asset(database, alice, visibility="locked")
    await sequence(database)
    for attempt in (
        (stacks.create_stack, alice, [ids[0], theirs]),
        (stacks.create_stack, alice, [ids[0], uuid4()]),
        (stacks.create_stack, alice, [ids[0], locked]),
        (stacks.update_stack, bob, stack_id, theirs),
        (stacks.update_stack, bob, stack_id, ids[0]),
        (stacks.update_stack, alice, uuid4(), ids[0]),
        (stacks.remove_asset_from_stack, bob, stack_id, ids[1]),
        (stacks.remove_asset_from_stack, bob, stack_id, theirs),
        (stacks.delete_stack, bob, stack_id),
        (stacks.delete_stack, alice, uuid4()),
    ):
        await refused(NoAccess, *attempt)
    await refused(Invalid, stacks.update_stack, alice, stack_id, ids[4])
    elevated = alice._replace(is_elevated=True)
    await do(stacks.create_stack, elevated, [ids[4], locked])


async def test_whatever_is_stacked_and_deleted_at_once_agrees(database, alice, ids):
    """Each changes rows the others hold: none may deadlock, and none be missed."""

    async def change(number):
        async with database.write() as tx:
            if number % 3:
                await stacks.create_stack(tx, alice, [ids[number % 5], ids[(number * 2 + 1) % 5]])
            else:
                await assets.update_assets(tx, alice, ids[:5], is_favorite=bool(number % 2))

    async def delete(asset_id):
        async with database.write() as tx:
            await assets.delete_assets(tx, alice, [asset_id])

    changes = [change(number) for number in range(1, 16)]
    done = await asyncio.gather(*changes, delete(ids[5]), delete(ids[4]), return_exceptions=True)
    assert all(isinstance(one, Invalid | None) for one in done), done
    await sequence(database)
    assert await differences(database) == []
