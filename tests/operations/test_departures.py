"""Users who are deleted: out of sight, back, or gone; and the state follows each step."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sync.actor import Actor
from sync.errors import Forbidden, Invalid
from sync.operations import albums, departures, partners, stacks, users
from tests.sync.library import ask, ask_one, new_asset, new_user, sequence

SHARED = (
    "SELECT album_id, user_id, role FROM album_user ORDER BY 1, 2",
    "SELECT album_id, asset_id FROM album_asset ORDER BY 1, 2",
    "SELECT shared_by_id, shared_with_id, in_timeline FROM partner ORDER BY 1, 2",
)
SEEN = """SELECT kind, key FROM state
           WHERE NOT is_gone AND scope = %s AND kind IN ('album_grant', 'partner_grant')"""


@pytest.fixture
async def admin(database):
    return await new_user(database, "Ada", is_admin=True)


@pytest.fixture
def look(database):
    """All that is shared."""

    async def look():
        return [await ask(database, query) for query in SHARED]

    return look


@pytest.fixture
async def household(database, admin, alice, bob, carol, do):
    """Each shares an album and their library with the next, and has something in the album."""
    people = [alice, bob, carol]
    for number, owner in enumerate(people):
        guest = people[(number + 1) % 3]
        album_id = await do(albums.create_album, owner, "A")
        await do(albums.share_album, owner, album_id, [guest.user_id], role="editor")
        for one in (owner, guest):
            await do(albums.add_assets, one, album_id, [await new_asset(database, one)])
        await do(partners.create_partner, owner, guest.user_id)
    await do(partners.update_partner, bob, alice.user_id, in_timeline=True)


@pytest.mark.usefixtures("household")
async def test_who_comes_back_has_all_again(database, admin, alice, bob, carol, do, look):
    before = await look()

    await do(departures.delete_account, admin, alice.user_id)

    own = await ask_one(database, "SELECT id FROM album WHERE owner_id = %s", alice.user_id)
    (left,) = await ask(database, SEEN, alice.user_id)
    assert (left["kind"], left["key"]) == ("album_grant", own)
    for other in (bob, carol):
        keys = [row["key"] for row in await ask(database, SEEN, other.user_id)]
        assert alice.user_id not in keys
    shared = await look()
    assert [len(rows) for rows in before] == [6, 6, 3]
    assert [len(rows) for rows in shared] == [4, 5, 1]

    await do(departures.restore_account, admin, alice.user_id)
    assert await look() == before


@pytest.mark.usefixtures("household")
async def test_what_two_shared_who_are_gone_comes_back_with_the_second(admin, alice, bob, do, look):
    before = await look()
    await do(departures.delete_account, admin, alice.user_id)
    await do(departures.delete_account, admin, bob.user_id)

    await do(departures.restore_account, admin, alice.user_id)
    between = await look()
    assert all(bob.user_id not in row.values() or row["role"] == "owner" for row in between[0])
    assert all(bob.user_id not in row.values() for row in between[2])

    await do(departures.delete_account, admin, alice.user_id)
    await do(departures.restore_account, admin, bob.user_id)
    await do(departures.restore_account, admin, alice.user_id)
    assert await look() == before


@pytest.mark.usefixtures("household")
async def test_what_went_meanwhile_does_not_come_back(database, admin, alice, bob, do, look):
    await do(departures.delete_account, admin, alice.user_id)
    for row in await ask(database, "SELECT id FROM album WHERE owner_id = %s", bob.user_id):
        await do(albums.delete_album, bob, row["id"])
    before = await look()

    await do(departures.restore_account, admin, alice.user_id)
    await do(departures.delete_account, admin, alice.user_id)
    assert await look() == before


@pytest.mark.usefixtures("household")
async def test_a_user_goes_for_good_step_by_step(database, admin, alice, do, refused):
    await do(stacks.create_stack, alice, [await new_asset(database, alice) for _ in range(3)])
    await do(users.set_profile_image, alice, "profile/a/b.png")
    await do(departures.delete_account, admin, alice.user_id, is_final=True)
    await refused(Invalid, departures.restore_account, admin, alice.user_id)

    while await do(departures.remove_some, alice.user_id):
        pass

    assert not await do(departures.remove_some, alice.user_id)
    for table, column in (("asset", "owner_id"), ("album", "owner_id"), ('"user"', "id")):
        count = f"SELECT count(*) FROM {table} WHERE {column} = %s"
        assert await ask_one(database, count, alice.user_id) == 0
    for table in ("set_aside_member", "set_aside_link", "set_aside_partner"):
        assert await ask_one(database, f"SELECT count(*) FROM {table}") == 0
    naming = "SELECT count(*) FROM state WHERE NOT is_gone AND (scope = %s OR data LIKE %s)"
    assert await ask_one(database, naming, alice.user_id, f"%{alice.user_id}%") == 0
    dropped = "SELECT count(*) FROM job WHERE queue = 'file_removal'"
    assert await ask_one(database, dropped) == 2  # of the assets, and of the picture


async def test_nothing_is_removed_of_who_may_come_back(database, admin, alice, do):
    await new_asset(database, alice)
    assert not await do(departures.remove_some, alice.user_id)
    await do(departures.delete_account, admin, alice.user_id)
    assert not await do(departures.remove_some, alice.user_id)
    assert await ask_one(database, "SELECT count(*) FROM asset") == 1


async def test_the_delay_ends_for_those_it_is_over_for(database, admin, alice, bob, do):
    for one in (alice, bob):
        await do(departures.delete_account, admin, one.user_id)
    async with database.write() as tx:
        await tx.execute(
            "UPDATE \"user\" SET deleted_at = now() - interval '8 days' WHERE id = %s",
            [alice.user_id],
        )
    await sequence(database)

    await do(departures.end_delays, timedelta(days=7))

    status = 'SELECT status FROM "user" WHERE id = %s'
    assert await ask_one(database, status, alice.user_id) == "removing"
    assert await ask_one(database, status, bob.user_id) == "deleted"


async def test_the_last_administrator_stays(admin, alice, do, refused):
    nobody = Actor(alice.user_id)  # the command line, say
    await refused(Invalid, departures.delete_account, nobody, admin.user_id)
    await refused(Invalid, users.update_account, nobody, admin.user_id, {"is_admin": False})
    await refused(Forbidden, departures.delete_account, admin, admin.user_id)

    await do(users.update_account, admin, alice.user_id, {"is_admin": True})
    await do(departures.delete_account, alice, admin.user_id)
    await refused(Invalid, users.update_account, admin, alice.user_id, {"is_admin": False})
