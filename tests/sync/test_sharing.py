"""What others share: how it comes, goes, comes again, and how a device resumes in its midst."""

from __future__ import annotations

import pytest

from sql import lines
from sync import checkpoints
from sync.operations import albums, assets, partners
from tests.sync.library import new_asset, new_user, sequence
from tests.sync.oracle import truth
from tests.sync.replica import Replica, Unremembered, new_replica


async def new_album(database, owner, member, asset_ids=()):
    async with database.write() as tx:
        album_id = await albums.create_album(tx, owner, "Trip")
        if asset_ids:
            await albums.add_assets(tx, owner, album_id, asset_ids)
        await albums.share_album(tx, owner, album_id, [member.user_id], role="editor")
    await sequence(database)
    return album_id


async def act(database, operation, *arguments, **details):
    """One change, in order at once."""
    async with database.write() as tx:
        await operation(tx, *arguments, **details)
    await sequence(database)


async def check(database, phone):
    """It has exactly what its user may see; and a new one would have the same."""
    user_id = phone.source.user_id
    async with database.read() as connection:
        expected = await truth(connection, user_id)
    assert phone.dump() == expected
    fresh = Replica(Unremembered(database, user_id))
    await fresh.pull()
    assert fresh.dump() == expected


async def sync(database, phone):
    await phone.pull()
    await check(database, phone)
    heard = phone.heard
    await phone.pull()
    assert phone.types() == []
    phone.heard = heard


@pytest.fixture
async def phone(database, bob):
    return await new_replica(database, bob.user_id)


async def test_deletes_of_two_cursors_do_not_hide_each_others_acks(database, alice, bob, phone):
    """The app acks the last line of a run of one type: of both, that would be one cursor's."""
    mine, theirs = await new_asset(database, bob), await new_asset(database, alice)
    album_id = await new_album(database, alice, bob, [theirs])
    await sync(database, phone)
    await act(database, albums.remove_assets, alice, album_id, [theirs])
    await act(database, assets.delete_assets, bob, [mine])
    await sync(database, phone)
    assert phone.types().count("AssetDeleteV1") == 2
