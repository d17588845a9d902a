"""Tags: the tree, whose it is, and what its changes do to each other at once."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from sync.errors import Invalid, NoAccess
from sync.operations import assets, tags
from tests.sync.library import ask, ask_one, new_asset, sequence


@pytest.fixture
async def ids(database, alice):
    return [await new_asset(database, alice) for _ in range(3)]


@pytest.fixture
def logged(database):
    """The newest entry, as (topic, scope, keys)."""

    async def logged():
        (row,) = await ask(
            database, "SELECT topic, scope, entity_ids FROM log ORDER BY pos DESC LIMIT 1"
        )
        return row["topic"], row["scope"], set(row["entity_ids"])

    return logged


async def test_every_change_is_on_record(alice, ids, do, logged):
    top = await do(tags.create_tag, alice, "a", color="#123")
    assert await logged() == ("tag.created", alice.user_id, {top})
    leaf, again = await do(tags.upsert_tags, alice, ["a/b/c", "a"])
    topic, _, made = await logged()
    assert (topic, again, len(made), leaf in made) == ("tag.created", top, 2, True)
    await do(tags.rename_tag, alice, top, "x")
    assert await logged() == ("tag.updated", alice.user_id, {top, *made})
    await do(tags.set_color, alice, leaf, None)
    assert await logged() == ("tag.updated", alice.user_id, {leaf})

    pairs = await do(tags.tag_assets, alice, [top, leaf], ids[:2])
    assert set(pairs) == {(tag, asset) for tag in (top, leaf) for asset in ids[:2]}
    assert await logged() == ("tag.assets_tagged", alice.user_id, set(ids[:2]))
    assert await do(tags.tag_assets, alice, [top], ids) == [(top, ids[2])]
    assert await logged() == ("tag.assets_tagged", alice.user_id, {ids[2]})
    assert await do(tags.untag_assets, alice, leaf, ids[1:]) == [ids[1]]
    assert await logged() == ("tag.assets_untagged", alice.user_id, {ids[1]})
    await do(tags.delete_tag, alice, top)
    assert await logged() == ("tag.deleted", alice.user_id, {top, *made})


async def test_what_changes_nothing_is_not(database, alice, ids, do):
    tag_id = await do(tags.create_tag, alice, "a")
    await do(tags.tag_assets, alice, [tag_id], ids)
    head = await ask_one(database, "SELECT pos FROM log_head")
    await do(tags.upsert_tags, alice, ["a"])
    await do(tags.rename_tag, alice, tag_id, "a")
    await do(tags.tag_assets, alice, [tag_id], ids)
    await do(tags.untag_assets, alice, await _another(do, alice), ids)
    assert await ask_one(database, "SELECT pos FROM log_head") == head + 1  # that other tag


async def _another(do, alice):
    return await do(tags.create_tag, alice, "other")


async def test_a_deleted_asset_has_no_tags(database, alice, ids, do):
    tag_id = await do(tags.create_tag, alice, "a")
    await do(tags.tag_assets, alice, [tag_id], ids)
    await do(assets.delete_assets, alice, ids[:2])
    assert await ask(database, "SELECT asset_id FROM tag_asset") == [{"asset_id": ids[2]}]


async def test_nothing_of_another_is_tagged_or_changed(database, alice, bob, ids, do, refused):
    mine = await do(tags.create_tag, alice, "a")
    theirs = await do(tags.create_tag, bob, "a")
    locked = await new_asset(database, alice, visibility="locked")
    await sequence(database)
    for operation, *values in (
        (tags.tag_assets, alice, [mine, theirs], ids),
        (tags.tag_assets, bob, [theirs], ids),
        (tags.tag_assets, alice, [mine], [uuid4()]),
        (tags.tag_assets, alice, [mine], [locked]),
        (tags.untag_assets, bob, mine, []),
        (tags.rename_tag, bob, mine, "x"),
        (tags.set_color, bob, mine, None),
        (tags.delete_tag, bob, mine),
        (tags.delete_tag, alice, uuid4()),
    ):
        await refused(NoAccess, operation, *values)
    await refused(NoAccess, tags.create_tag, alice, "b", parent_id=theirs)
    await refused(Invalid, tags.create_tag, alice, "a", match="already exists")


async def test_changes_of_one_tree_at_once_leave_a_tree(database, alice, ids):
    """Every value holds its parent's, none is there twice, and nobody is in anybody's way."""

    async def change(number):
        async with database.write() as tx:
            made = await tags.upsert_tags(tx, alice, [f"a/b/{number % 3}", f"a/{number}"])
        async with database.write() as tx:
            await tags.tag_assets(tx, alice, made, ids)
        async with database.write() as tx:
            (top,) = await tags.upsert_tags(tx, alice, ["a/b"])
            await tags.rename_tag(tx, alice, top, f"c{number}")
            if number % 4 == 0:
                await tags.delete_tag(tx, alice, top)

    async def delete():
        async with database.write() as tx:
            await assets.delete_assets(tx, alice, ids[:1])

    done = await asyncio.gather(*map(change, range(12)), delete(), return_exceptions=True)

    assert all(isinstance(one, NoAccess | None) for one in done), done
    broken = (
        "SELECT tag.value FROM tag LEFT JOIN tag AS parent ON parent.id = tag.parent_id"
        " WHERE tag.value <> concat(parent.value || '/', regexp_replace(tag.value, '.*/', ''))"
    )
    assert await ask(database, broken) == []
    await sequence(database)
