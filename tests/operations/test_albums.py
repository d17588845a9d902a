"""Albums: what is in them, and who may do what in them."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from sync.errors import Invalid, NoAccess
from sync.operations import albums, assets
from tests.operations.state import differences
from tests.sync.library import ask, ask_one, new_asset, sequence


@pytest.fixture
async def ids(database, alice):
    return [await new_asset(database, alice) for _ in range(4)]


@pytest.fixture
async def album_id(alice, ids, do):
    album_id = await do(albums.create_album, alice, "Trip", "to Rome")
    await do(albums.add_assets, alice, album_id, ids[:2])
    return album_id


@pytest.fixture
async def shared(alice, bob, carol, album_id, do):
    """With Bob, who edits, and Carol, who looks."""
    await do(albums.share_album, alice, album_id, [bob.user_id], role="editor")
    await do(albums.share_album, alice, album_id, [carol.user_id], role="viewer")
    return album_id


@pytest.fixture
def shown(database):
    async def shown(album_id):
        rows = await ask(database, "SELECT asset_id FROM album_asset WHERE album_id = %s", album_id)
        return {row["asset_id"] for row in rows}

    return shown


@pytest.fixture
def roles(database):
    async def roles(album_id):
        rows = await ask(database, "SELECT * FROM album_user WHERE album_id = %s", album_id)
        return {row["user_id"]: row["role"] for row in rows}

    return roles


@pytest.fixture
def cover(database):
    async def cover(album_id):
        return await ask_one(
            database, "SELECT thumbnail_asset_id FROM album WHERE id = %s", album_id
        )

    return cover


async def test_an_album_has_an_owner_and_changes_in_what_is_given(
    database, alice, album_id, do, roles
):
    assert await roles(album_id) == {alice.user_id: "owner"}
    await do(albums.update_album, alice, album_id, name="Travel", order="asc")
    (row,) = await ask(database, "SELECT * FROM album")
    assert (row["name"], row["description"], row["order"]) == ("Travel", "to Rome", "asc")
    assert row["is_activity_enabled"] is True


async def test_assets_come_and_go(alice, album_id, ids, do, shown):
    assert await do(albums.add_assets, alice, album_id, ids[1:3]) == [ids[2]]
    assert await do(albums.add_assets, alice, album_id, ids[1:3]) == []
    assert await do(albums.remove_assets, alice, album_id, [ids[0], ids[3]]) == [ids[0]]
    assert await shown(album_id) == set(ids[1:3])


async def test_the_cover_is_always_one_of_the_album(alice, album_id, ids, do, refused, cover):
    assert await cover(album_id) in ids[:2]
    await refused(Invalid, albums.update_album, alice, album_id, thumbnail_asset_id=ids[3])
    await do(albums.update_album, alice, album_id, thumbnail_asset_id=ids[0])
    await do(albums.remove_assets, alice, album_id, [ids[0]])
    assert await cover(album_id) == ids[1]
    await do(assets.delete_assets, alice, [ids[1]])
    assert await cover(album_id) is None


async def test_what_is_locked_away_is_in_no_album(alice, bob, shared, ids, do, shown, refused):
    await do(assets.update_assets, alice, [ids[0]], visibility="locked")
    assert await shown(shared) == {ids[1]}
    elevated = alice._replace(is_elevated=True)
    await refused(NoAccess, albums.add_assets, elevated, shared, [ids[0]])


async def test_roles_may_what_they_may(database, alice, bob, carol, shared, ids, do, refused):
    theirs = await new_asset(database, bob)
    viewed = await new_asset(database, carol)
    dave = uuid4()
    await do(albums.add_assets, bob, shared, [theirs])
    for operation, actor, *values in (
        (albums.update_album, bob, shared),
        (albums.update_album, carol, shared),
        (albums.add_assets, carol, shared, [viewed]),
        (albums.add_assets, bob, shared, [ids[3]]),
        (albums.remove_assets, carol, shared, [ids[0]]),
        (albums.delete_album, bob, shared),
        (albums.delete_album, carol, shared),
        (albums.unshare_album, bob, shared, carol.user_id),
        (albums.unshare_album, carol, shared, bob.user_id),
        (albums.set_role, bob, shared, carol.user_id, "editor"),
        (albums.add_assets, alice, uuid4(), [ids[0]]),
        (albums.delete_album, alice, uuid4()),
    ):
        await refused(NoAccess, operation, actor, *values)
    await refused(NoAccess, albums.share_album, bob, shared, [dave], role="viewer")
    assert await do(albums.remove_assets, bob, shared, [ids[0], theirs]) == [theirs]


async def test_a_stranger_sees_no_album(bob, album_id, refused):
    for operation, *values in (
        (albums.update_album,),
        (albums.add_assets, []),
        (albums.remove_assets, []),
        (albums.delete_album,),
        (albums.unshare_album, bob.user_id),
        (albums.set_role, bob.user_id, "editor"),
    ):
        await refused(NoAccess, operation, bob, album_id, *values)


async def test_members_come_leave_and_come_back(database, alice, bob, carol, shared, do, roles):
    await do(albums.unshare_album, bob, shared, bob.user_id)
    await do(albums.unshare_album, alice, shared, carol.user_id)
    assert await roles(shared) == {alice.user_id: "owner"}
    grants = "SELECT count(*) FROM state WHERE kind = 'album_grant' AND NOT is_gone"
    assert await ask_one(database, grants) == 1
    await do(albums.share_album, alice, shared, [bob.user_id, bob.user_id], role="viewer")
    assert await roles(shared) == {alice.user_id: "owner", bob.user_id: "viewer"}
    since = "SELECT since = pos AS is_new FROM state WHERE kind = 'album_grant' AND scope = %s"
    assert await ask_one(database, since, bob.user_id) is True


async def test_a_role_changes_and_the_owner_stays(alice, bob, shared, do, refused, roles):
    await do(albums.set_role, alice, shared, bob.user_id, "viewer")
    assert (await roles(shared))[bob.user_id] == "viewer"
    await refused(Invalid, albums.set_role, alice, shared, alice.user_id, "viewer")
    await refused(Invalid, albums.set_role, alice, shared, uuid4(), "viewer")
    await refused(Invalid, albums.unshare_album, alice, shared, alice.user_id)
    await refused(Invalid, albums.unshare_album, alice, shared, uuid4())
    await do(albums.share_album, alice, shared, [bob.user_id], role="editor")
    assert (await roles(shared))[bob.user_id] == "viewer"


async def test_an_album_ends_for_all_and_the_assets_stay(database, alice, shared, do):
    await do(albums.delete_album, alice, shared)
    living = "SELECT count(*) FROM state WHERE kind LIKE 'album%%' AND NOT is_gone"
    assert await ask_one(database, living) == 0
    assert await ask_one(database, "SELECT count(*) FROM asset") == 4


async def test_an_asset_of_a_member_stays_until_its_owner_deletes_it(
    database, alice, bob, shared, ids, do, shown
):
    theirs = await new_asset(database, bob)
    await do(albums.add_assets, bob, shared, [theirs])
    await do(assets.delete_assets, bob, [theirs])
    assert await shown(shared) == set(ids[:2])


WRONG_COVERS = """
SELECT count(*) FROM album
 WHERE thumbnail_asset_id IS NOT NULL
   AND NOT EXISTS (SELECT FROM album_asset
                    WHERE album_id = album.id AND asset_id = album.thumbnail_asset_id)
"""


async def test_whoever_adds_deletes_and_locks_at_once_leaves_what_agrees(
    database, alice, bob, shared, ids, do
):
    other = await do(albums.create_album, alice, "Other")

    async def work(operation, *values, **details):
        async with database.write() as tx:
            await operation(tx, *values, **details)

    done = await asyncio.gather(
        *(work(albums.add_assets, alice, album, ids[2:]) for album in (shared, other) * 4),
        *(work(albums.remove_assets, bob, shared, ids) for _ in range(4)),
        work(assets.update_assets, alice, ids[1:3], visibility="locked"),
        work(assets.delete_assets, alice, ids[3:]),
        work(albums.delete_album, alice, other),
        return_exceptions=True,
    )
    assert all(isinstance(one, Invalid | None) for one in done), done
    assert await ask_one(database, WRONG_COVERS) == 0
    await sequence(database)
    assert await differences(database) == []
