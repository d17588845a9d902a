"""Partners: who shares a library with whom."""

from __future__ import annotations

from uuid import uuid4

from sync.errors import Invalid
from sync.operations import partners
from tests.sync.library import ask

PAIRS = "SELECT shared_by_id, shared_with_id, in_timeline FROM partner"


async def test_a_library_is_shared_one_way(database, alice, bob, do):
    await do(partners.create_partner, alice, bob.user_id)
    (row,) = await ask(database, PAIRS)
    assert tuple(row.values()) == (alice.user_id, bob.user_id, False)
    rows = await ask(
        database, "SELECT kind, scope FROM state WHERE kind LIKE 'partner%%' AND NOT is_gone"
    )
    assert {(row["kind"], row["scope"]) for row in rows} == {
        ("partner", alice.user_id),
        ("partner", bob.user_id),
        ("partner_grant", bob.user_id),
    }


async def test_only_who_is_shared_with_says_where_it_is_shown(database, alice, bob, do, refused):
    await do(partners.create_partner, alice, bob.user_id)
    await do(partners.update_partner, bob, alice.user_id, in_timeline=True)
    (row,) = await ask(database, PAIRS)
    assert row["in_timeline"] is True
    await refused(Invalid, partners.update_partner, alice, bob.user_id, in_timeline=True)


async def test_only_who_shares_ends_it_and_may_begin_again(database, alice, bob, do, refused):
    await do(partners.create_partner, alice, bob.user_id)
    await refused(Invalid, partners.delete_partner, bob, alice.user_id)
    await do(partners.delete_partner, alice, bob.user_id)
    assert await ask(database, PAIRS) == []
    await refused(Invalid, partners.delete_partner, alice, bob.user_id)
    await do(partners.create_partner, alice, bob.user_id)
    since = "SELECT since = pos AS is_new FROM state WHERE kind = 'partner_grant'"
    assert await ask(database, since) == [{"is_new": True}]


async def test_both_ways_are_two(database, alice, bob, do):
    await do(partners.create_partner, alice, bob.user_id)
    await do(partners.create_partner, bob, alice.user_id)
    await do(partners.delete_partner, bob, alice.user_id)
    (row,) = await ask(database, PAIRS)
    assert row["shared_by_id"] == alice.user_id


async def test_nobody_shares_with_themselves_twice_or_with_nobody(alice, bob, do, refused):
    await do(partners.create_partner, alice, bob.user_id)
    for other in (bob.user_id, alice.user_id, uuid4()):
        await refused(Invalid, partners.create_partner, alice, other)


async def test_who_goes_shares_nothing(database, alice, bob, carol, do):
    await do(partners.create_partner, alice, bob.user_id)
    await do(partners.create_partner, bob, alice.user_id)
    await do(partners.create_partner, carol, bob.user_id)
    await do(partners.leave_all, bob.user_id)
    assert await ask(database, PAIRS) == []
