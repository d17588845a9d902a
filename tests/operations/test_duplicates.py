"""Duplicates: what is grouped, and what of all that was known the one that is kept has."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from sync.errors import Invalid, NoAccess
from sync.operations import albums, assets, duplicates, live_photos, tags
from tests.operations.state import differences
from tests.sync.library import ask, new_asset, sequence


@pytest.fixture
async def ids(database, alice):
    return [await new_asset(database, alice) for _ in range(4)]


@pytest.fixture
def grouped(database):
    """The groups, each as a set of assets."""

    async def grouped():
        rows = await ask(
            database,
            "SELECT array_agg(id) AS ids FROM asset WHERE duplicate_id IS NOT NULL"
            " GROUP BY duplicate_id",
        )
        return {frozenset(row["ids"]) for row in rows}

    return grouped


async def test_groups_come_and_go(alice, ids, do, grouped):
    first = await do(duplicates.group_assets, alice.user_id, ids[:2])
    await do(duplicates.group_assets, alice.user_id, ids[2:])
    assert await grouped() == {frozenset(ids[:2]), frozenset(ids[2:])}
    await do(duplicates.dismiss_groups, alice, [first])
    assert await grouped() == {frozenset(ids[2:])}
    await do(duplicates.group_assets, alice.user_id, [ids[0], ids[3]])
    assert await grouped() == {frozenset([ids[0], *ids[2:]])}


@pytest.mark.parametrize("is_final", [True, False])
async def test_one_is_kept_with_all_that_was_known(database, alice, ids, do, grouped, is_final):
    video = await new_asset(database, alice, type="VIDEO")
    await sequence(database)
    await do(live_photos.link_live_photo, alice, ids[0], video)
    group = await do(duplicates.group_assets, alice.user_id, ids[:3])
    await do(assets.update_assets, alice, ids[:1], is_favorite=True, exif={"rating": 5})
    await do(assets.update_assets, alice, ids[1:2], visibility="archive")
    tag_id = await do(tags.create_tag, alice, "a")
    await do(tags.tag_assets, alice, [tag_id], ids[:1])
    many = [await do(albums.create_album, alice, name) for name in "ab"]
    for album_id, asset_id in zip(many, ids, strict=False):
        await do(albums.add_assets, alice, album_id, [asset_id])

    await do(
        duplicates.resolve_group,
        alice,
        group,
        keep_ids=ids[2:],
        trash_ids=ids[:2],
        is_final=is_final,
    )

    assert await grouped() == set()
    (kept,) = await ask(
        database,
        "SELECT is_favorite, visibility, rating FROM asset"
        " JOIN asset_exif ON asset_id = asset.id WHERE asset.id = %s",
        ids[2],
    )
    assert kept == {"is_favorite": True, "visibility": "archive", "rating": 5}
    linked = await ask(database, "SELECT album_id FROM album_asset WHERE asset_id = %s", ids[2])
    assert {row["album_id"] for row in linked} == set(many)
    assert {"tag_id": tag_id} in await ask(
        database, "SELECT tag_id FROM tag_asset WHERE asset_id = %s", ids[2]
    )
    left = await ask(database, "SELECT id FROM asset WHERE deleted_at IS NULL AND type = 'IMAGE'")
    assert {row["id"] for row in left} == set(ids[2:])


async def test_an_album_in_which_one_only_looks_stays_as_it_is(database, alice, bob, ids, do):
    group = await do(duplicates.group_assets, alice.user_id, ids[:2])
    album_id = await do(albums.create_album, bob, "a")
    await do(albums.share_album, bob, album_id, [alice.user_id], role="editor")
    await do(albums.add_assets, alice, album_id, ids[:1])
    await do(albums.set_role, bob, album_id, alice.user_id, "viewer")
    await do(
        duplicates.resolve_group,
        alice,
        group,
        keep_ids=ids[1:2],
        trash_ids=ids[:1],
        is_final=False,
    )
    linked = await ask(database, "SELECT asset_id FROM album_asset")
    assert linked == [{"asset_id": ids[0]}]


async def test_what_is_refused_changes_nothing(alice, bob, ids, do, refused, grouped):
    group = await do(duplicates.group_assets, alice.user_id, ids[:2])
    both, neither = {"keep_ids": ids, "trash_ids": ids}, {"keep_ids": [], "trash_ids": ids[2:]}
    right = {"keep_ids": ids[:1], "trash_ids": ids[1:], "is_final": True}
    resolve = duplicates.resolve_group
    await refused(Invalid, resolve, alice, group, **both, is_final=True, match="both")
    await refused(Invalid, resolve, alice, group, **neither, is_final=True, match="Every asset")
    await refused(NoAccess, resolve, bob, group, **right)
    await refused(NoAccess, resolve, alice, uuid4(), **right)
    await refused(NoAccess, duplicates.dismiss_groups, bob, [group])
    await refused(NoAccess, duplicates.dismiss_groups, alice, [group, uuid4()])
    assert await grouped() == {frozenset(ids[:2])}


async def test_whatever_is_resolved_and_deleted_at_once_agrees(database, alice, ids):
    async def group(number):
        async with database.write() as tx:
            await duplicates.group_assets(tx, alice.user_id, [ids[number % 3], ids[3]])
        groups = await ask(database, "SELECT DISTINCT duplicate_id AS id FROM asset")
        for row in groups:
            if row["id"]:
                async with database.write() as tx:
                    await duplicates.resolve_group(
                        tx, alice, row["id"], keep_ids=ids[3:], trash_ids=ids[:3], is_final=True
                    )

    async def update(number):
        async with database.write() as tx:
            await assets.update_assets(tx, alice, ids, is_favorite=bool(number % 2))

    async def delete():
        async with database.write() as tx:
            await assets.delete_assets(tx, alice, ids[:1])

    attempts = [group(number) for number in range(6)] + [update(number) for number in range(6)]
    done = await asyncio.gather(*attempts, delete(), return_exceptions=True)
    assert all(isinstance(one, Invalid | None) for one in done), done
    await sequence(database)
    assert await differences(database) == []
