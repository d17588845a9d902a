"""Shared links: what goes into them, what leaves them, and who meets there."""

from __future__ import annotations

import asyncio
from secrets import token_bytes
from uuid import uuid4

import pytest

from sync.actor import Link
from sync.errors import Invalid, NoAccess, Unauthenticated
from sync.operations import albums, assets, shared_links
from tests.operations.state import differences
from tests.sync.library import an_upload, ask, ask_one, new_asset, sequence


@pytest.fixture
async def asset(database, alice):
    return await new_asset(database, alice)


@pytest.fixture
async def album(alice, asset, do):
    album_id = await do(albums.create_album, alice, "Trip")
    await do(albums.add_assets, alice, album_id, [asset])
    return album_id


@pytest.fixture
def share(alice, do):
    async def share(**details):
        return await do(shared_links.create_link, alice, token_bytes(50), **details)

    return share


def opened(link_id, album_id=None):
    return Link(
        link_id, album_id,
        is_upload_allowed=True, is_download_allowed=True, is_metadata_shown=True,
    )  # fmt: skip


async def shown(database, link_id):
    rows = await ask(
        database, "SELECT asset_id FROM shared_link_asset WHERE shared_link_id = %s", link_id
    )
    return {row["asset_id"] for row in rows}


async def test_a_link_to_what_is_anothers_is_not_made(bob, asset, album, refused):
    make = shared_links.create_link
    await refused(NoAccess, make, bob, token_bytes(50), asset_ids=[asset])
    await refused(NoAccess, make, bob, token_bytes(50), album_id=album)
    await refused(NoAccess, make, bob, token_bytes(50), asset_ids=[uuid4()])


async def test_another_does_nothing_to_a_link(bob, asset, share, refused):
    link = await share(asset_ids=[asset])
    for operation, *values in (
        (shared_links.update_link, {"description": "a"}),
        (shared_links.delete_link,),
        (shared_links.add_assets, [asset]),
        (shared_links.remove_assets, [asset]),
    ):
        await refused(Invalid, operation, bob, link, *values, match="Shared link not found")


async def test_what_is_shown_again_is_on_record_once(database, alice, asset, share, do):
    link = await share(asset_ids=[asset])

    assert await do(shared_links.add_assets, alice, link, [asset]) == {asset: "duplicate"}
    assert await do(shared_links.remove_assets, alice, link, [uuid4()])

    count = "SELECT count(*) FROM log WHERE topic = 'shared_link.updated'"
    assert await ask_one(database, count) == 0


async def test_what_came_in_is_shown(database, alice, asset, album, share, do):
    whole = await share(album_id=album)
    some = await share(asset_ids=[asset])
    first, second = [await new_asset(database, alice) for _ in range(2)]

    await do(shared_links.receive_asset, opened(whole, album), alice.user_id, first)
    await do(shared_links.receive_asset, opened(some), alice.user_id, second)

    count = "SELECT count(*) FROM album_asset WHERE album_id = %s AND asset_id = %s"
    assert await ask_one(database, count, album, first) == 1
    assert await shown(database, some) == {asset, second}


async def test_what_ended_takes_nothing_in(database, alice, asset, share, do, refused):
    link = await share(asset_ids=[asset])
    more = await new_asset(database, alice)
    await do(shared_links.update_link, alice, link, {"is_upload_allowed": False})
    await refused(Unauthenticated, shared_links.receive_asset, opened(link), alice.user_id, more)
    await do(shared_links.delete_link, alice, link)
    await refused(Unauthenticated, shared_links.receive_asset, opened(link), alice.user_id, more)


async def test_what_is_locked_away_or_deleted_leaves(database, alice, share, do):
    first, second, third = [await new_asset(database, alice) for _ in range(3)]
    one, two = [await share(asset_ids=[first, second, third]) for _ in range(2)]

    await do(assets.update_assets, alice, [first], visibility="locked")
    await do(assets.delete_assets, alice, [second])

    assert await shown(database, one) == await shown(database, two) == {third}


# --- who meets ---------------------------------------------------------------------------------


async def meet(database, held, start, *operations, values=()):
    """Begin all while a row that they need is held, then let go: each ends, or was refused."""
    async with database.write() as tx:
        await tx.execute(held.encode(), values)
        tasks = [await start(*one) for one in operations]
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(one, Invalid | Unauthenticated | None) for one in done), done
    await sequence(database)
    assert await differences(database) == []


async def upload_through(tx, actor, link):
    await assets.record_upload(tx, actor.user_id, an_upload(), link=link)


@pytest.mark.parametrize("order", ["upload first", "upload last"])
@pytest.mark.parametrize("other", ["delete assets", "lock assets", "delete album", "delete link"])
async def test_an_upload_meets_what_takes_away(
    database, alice, asset, album, share, start, order, other
):
    link = await share(album_id=album)
    some = await share(asset_ids=[asset])
    others = {
        "delete assets": (assets.delete_assets, alice, [asset]),
        "lock assets": (update_visibility, alice, [asset]),
        "delete album": (albums.delete_album, alice, album),
        "delete link": (shared_links.delete_link, alice, link),
    }
    for into, held in (
        (opened(link, album), "SELECT 1 FROM album FOR UPDATE"),
        (opened(some), "SELECT 1 FROM shared_link ORDER BY id FOR UPDATE"),
        (opened(some), 'SELECT 1 FROM "user" FOR UPDATE'),
    ):
        operations = [(upload_through, alice, into), others[other]]
        if order == "upload last":
            operations.reverse()
        await meet(database, held, start, *operations)


async def update_visibility(tx, actor, asset_ids):
    await assets.update_assets(tx, actor, asset_ids, visibility="locked")


async def test_what_is_locked_away_meanwhile_is_not_added(database, alice, share, start):
    first, second = [await new_asset(database, alice) for _ in range(2)]
    link = await share(asset_ids=[first])

    await meet(
        database,
        "SELECT 1 FROM asset WHERE id = %s FOR UPDATE",
        start,
        (update_visibility, alice, [second]),
        (shared_links.add_assets, alice, link, [second]),
        values=[second],
    )

    assert await shown(database, link) == {first}


async def test_links_of_the_same_assets_meet(database, alice, share, start):
    ids = [await new_asset(database, alice) for _ in range(3)]
    one, two = [await share(asset_ids=ids) for _ in range(2)]

    await meet(
        database,
        "SELECT 1 FROM shared_link FOR UPDATE",
        start,
        (update_visibility, alice, ids),
        (shared_links.delete_link, alice, two),
        (shared_links.remove_assets, alice, one, ids[::-1]),
        (shared_links.add_assets, alice, one, ids),
    )

    assert await shown(database, one) == set()
