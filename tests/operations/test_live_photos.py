"""Stills and films that were taken as one find each other, in whatever order they come."""

from __future__ import annotations

import asyncio
from itertools import combinations, permutations

import msgspec
import pytest

from sync.actor import Actor
from sync.errors import Invalid
from sync.operations import albums, assets, live_photos, renditions, stacks
from sync.operations.assets import Film
from tests.operations.state import differences
from tests.sync.library import FOUND, an_upload, ask, ask_one, new_asset, sequence, until

CONTENT_ID = "2D7D57A5-FF57-4CB8-8AEB-D2C243CD8A73"
HALF = msgspec.structs.replace(FOUND, live_photo_cid=CONTENT_ID)
OTHER = msgspec.structs.replace(FOUND, live_photo_cid="another-identifier")


@pytest.fixture
async def still(database, alice):
    return await new_asset(database, alice)


@pytest.fixture
async def film(database, alice):
    return await new_asset(database, alice, type="VIDEO", duration_ms=2500)


@pytest.fixture
def record(do):
    """Record what their files say of assets, one after another: `await record(still, film)`."""

    async def record(*asset_ids, found=HALF):
        for asset_id in asset_ids:
            await do(renditions.record_metadata, asset_id, found)

    return record


@pytest.fixture
def see(database):
    """What is linked to an asset, and how it is shown."""

    async def see(asset_id):
        (row,) = await ask(
            database, "SELECT live_photo_video_id, visibility FROM asset WHERE id = %s", asset_id
        )
        return row["live_photo_video_id"], row["visibility"]

    return see


@pytest.fixture
def told(database):
    """The topics of entries about an asset."""

    async def told(asset_id):
        rows = await ask(
            database, "SELECT topic FROM log WHERE %s = ANY(entity_ids) ORDER BY pos", asset_id
        )
        return [row["topic"] for row in rows]

    return told


# In any order.


@pytest.mark.parametrize("order", list(permutations((0, 1))))
async def test_halves_are_linked_when_the_second_is_read(record, see, told, still, film, order):
    first, second = ((still, film)[number] for number in order)

    await record(first)
    assert await see(still) == (None, "timeline")
    await record(second)

    assert await see(still) == (film, "timeline")
    assert await see(film) == (None, "hidden")
    assert (await told(film)).count("asset.hidden") == 1


async def test_they_are_linked_when_they_are_read_again(record, see, told, still, film):
    """As after a release that did not look for it."""
    await record(still, film, found=FOUND)
    assert await see(still) == (None, "timeline")

    await record(film, still, film, still)

    assert await see(still) == (film, "timeline")
    assert await see(film) == (None, "hidden")
    assert (await told(film)).count("asset.hidden") == 1


async def test_what_the_app_linked_stays(database, alice, record, see, told):
    film = await new_asset(database, alice, type="VIDEO", visibility="hidden")
    still = await new_asset(database, alice, live_photo_video_id=film)

    await record(film, still, film)

    assert await see(still) == (film, "timeline")
    assert "asset.hidden" not in await told(film)


async def test_a_film_that_came_hidden_is_linked(database, alice, record, see, still):
    """The app sent it, and then could not send the still as a part of it."""
    film = await new_asset(database, alice, type="VIDEO", visibility="hidden")

    await record(film, still)

    assert await see(still) == (film, "timeline")


async def test_one_of_many_is_taken_and_only_once(database, alice, record, see, still, film):
    """An edited still bears the identifier of its original."""
    edited = await new_asset(database, alice)
    second_film = await new_asset(database, alice, type="VIDEO")

    await record(still, edited, film)
    assert [await see(id_) for id_ in (still, edited)] == [
        (film, "timeline"),
        (None, "timeline"),
    ]

    await record(second_film)
    assert await see(edited) == (second_film, "timeline")


async def test_halves_that_come_again_are_linked_again(database, alice, do, record, see):
    for _ in range(2):
        still = await new_asset(database, alice, b"still")
        film = await new_asset(database, alice, b"film", type="VIDEO")
        await record(film, still)
        assert await see(still) == (film, "timeline")
        await do(assets.delete_assets, alice, [still])
        assert await ask(database, "SELECT 1 FROM asset") == []


# What is no pair.


async def test_others_are_not_linked(database, alice, bob, record, see, still, film):
    his = await new_asset(database, bob, type="VIDEO")
    second = await new_asset(database, alice)

    await record(his, still, second)
    await record(film, found=OTHER)

    assert [await see(id_) for id_ in (still, second, his, film)] == [(None, "timeline")] * 4


@pytest.mark.parametrize("binned", ["still", "film"])
async def test_what_is_in_the_trash_is_linked_after_it(alice, do, record, see, still, film, binned):
    gone = still if binned == "still" else film
    await do(assets.trash_assets, alice, [gone])
    await record(still, film)
    assert await see(still) == (None, "timeline")

    await do(assets.restore_assets, alice, [gone])
    await record(gone)
    assert await see(still) == (film, "timeline")


async def test_what_was_linked_to_another_by_hand_stays(
    database, alice, do, record, see, still, film
):
    other = await new_asset(database, alice)
    await do(live_photos.link_live_photo, alice, other, film)

    await record(still, film)

    assert await see(still) == (None, "timeline")
    assert await see(other) == (film, "timeline")


async def test_what_was_parted_by_hand_stays_apart(do, alice, record, see, still, film):
    await record(still, film)
    await do(live_photos.link_live_photo, alice, still, None)

    await record(still, film)
    assert [await see(id_) for id_ in (still, film)] == [(None, "timeline")] * 2

    await do(live_photos.link_live_photo, alice, still, film)
    await record(still, film)
    assert await see(still) == (film, "timeline")


async def test_nothing_locked_comes_out(database, do, alice, record, see, still, film):
    elevated = Actor(alice.user_id, is_elevated=True)
    await do(assets.update_assets, elevated, [film], visibility="locked")
    await record(still, film)
    assert await see(still) == (None, "timeline")

    await do(assets.update_assets, elevated, [still], visibility="locked")
    await record(still)
    assert await see(still) == (film, "locked")
    assert await see(film) == (None, "locked")


async def test_a_film_is_locked_away_with_its_still(do, alice, record, see, still, film):
    elevated = Actor(alice.user_id, is_elevated=True)
    await do(assets.update_assets, elevated, [still], visibility="locked")

    await record(still, film)

    assert await see(film) == (None, "locked")


@pytest.mark.parametrize("visibility", ["timeline", "archive", "hidden"])
async def test_the_film_is_hidden_wherever_it_was(do, alice, record, see, still, film, visibility):
    await do(assets.update_assets, alice, [film], visibility=visibility)

    await record(still, film)

    assert await see(film) == (None, "hidden")


# What else it was in.


async def test_the_film_leaves_albums_and_the_still_stays(database, do, alice, record, still, film):
    album_id = await do(albums.create_album, alice, "Trip")
    await do(albums.add_assets, alice, album_id, [still, film])

    await record(still, film)

    shown = await ask(database, "SELECT asset_id FROM album_asset")
    assert shown == [{"asset_id": still}]


async def test_the_film_hides_no_stack(database, do, alice, record, see, still, film):
    """As one would be that it stands for."""
    mate = await new_asset(database, alice)
    stack_id = await do(stacks.create_stack, alice, [film, still, mate])

    await record(still, film)

    rows = await ask(database, "SELECT id, stack_id FROM asset WHERE stack_id IS NOT NULL")
    assert {row["id"]: row["stack_id"] for row in rows} == {still: stack_id, mate: stack_id}


# At once.


async def test_workers_with_both_halves_at_once_link_them(database, start, see, still, film):
    """Each has read its file before the other is through, and neither misses the other."""
    for first, second in ((still, film), (film, still)):
        async with database.write() as tx:
            await renditions.record_metadata(tx, first, HALF)
            other = await start(renditions.record_metadata, second, HALF)
            assert not other.done()
        await other
        await sequence(database)
        assert await see(still) == (film, "timeline")
        assert await differences(database) == []
        async with database.write() as tx:
            await tx.execute("UPDATE asset_exif SET live_photo_cid = NULL")
            await tx.execute("UPDATE asset SET live_photo_video_id = NULL, visibility = 'timeline'")


async def test_many_workers_end_with_one_link_each(database, alice):
    """Whatever meets whatever: no deadlock, and no film with two stills."""
    contents = [f"identifier-{number}" for number in range(6)]
    halves = []
    for content_id in contents:
        for details in ({}, {"type": "VIDEO"}, {}):
            halves.append((await new_asset(database, alice, **details), content_id))

    async def work(asset_id, content_id):
        found = msgspec.structs.replace(FOUND, live_photo_cid=content_id)
        async with database.write() as tx:
            await renditions.record_metadata(tx, asset_id, found)

    await asyncio.gather(*(work(*half) for half in halves))

    await sequence(database)
    assert await differences(database) == []
    for films in ("live_photo_video_id", "DISTINCT live_photo_video_id"):
        assert await ask_one(database, f"SELECT count({films}) FROM asset") == 6
    hidden = "SELECT count(*) FROM asset WHERE type = 'VIDEO' AND visibility = 'hidden'"
    assert await ask_one(database, hidden) == 6


BUSY = {
    "link": lambda me, still, film: (live_photos.link_live_photo, me, still, film),
    "part": lambda me, still, _: (live_photos.link_live_photo, me, still, None),
    "read the still": lambda _, still, __: (renditions.record_metadata, still, HALF),
    "read the film": lambda _, __, film: (renditions.record_metadata, film, HALF),
    "delete the still": lambda me, still, _: (assets.delete_assets, me, [still]),
    "delete the film": lambda me, _, film: (assets.delete_assets, me, [film]),
    "send a still": lambda me, _, film: (
        assets.record_upload,
        me.user_id,
        an_upload(live_photo_video_id=film),
    ),
    "stack": lambda me, still, film: (stacks.create_stack, me, [film, still]),
    "favour": lambda me, still, film: (Favour(), me, [film, still]),
}


class Favour:
    async def __call__(self, tx, actor, asset_ids):
        await assets.update_assets(tx, actor, asset_ids, is_favorite=True)


@pytest.mark.parametrize("is_film_first", [True, False])
@pytest.mark.parametrize(("one", "other"), list(combinations(BUSY, 2)))
async def test_none_deadlocks(database, alice, start, one, other, is_film_first):
    """With the ids in either order: what goes from one half to the other is no way of its own."""
    ids = sorted([an_upload().asset_id, an_upload().asset_id])
    film, still = ids if is_film_first else ids[::-1]
    for asset_id, details in ((film, {"type": "VIDEO"}), (still, {})):
        async with database.write() as tx:
            upload = an_upload(**details)._replace(asset_id=asset_id)
            await assets.record_upload(tx, alice.user_id, upload)
    async with database.write() as tx:
        # Both have begun, and wait for the same: so they go on at once.
        await tx.execute("SELECT 1 FROM asset ORDER BY id FOR UPDATE")
        tasks = [await start(*BUSY[name](alice, still, film)) for name in (one, other)]
    done = await asyncio.gather(*tasks, return_exceptions=True)

    assert not [error for error in done if error and type(error).__module__ != "sync.errors"], done
    await sequence(database)
    assert await differences(database) == []


# Taken out of pictures.


@pytest.fixture
def take_out(do, alice, still):
    """Record a film that was inside of a still; its id, or that which its bytes have already."""

    async def take_out(checksum=b"inside", *, of=still, **details):
        upload = an_upload(checksum, type="VIDEO", **details)
        film = Film(upload.checksum, upload)
        await do(renditions.record_metadata, of, FOUND, film=film)
        return upload.asset_id

    return take_out


async def usage(database, actor):
    return await ask_one(database, 'SELECT usage_bytes FROM "user" WHERE id = %s', actor.user_id)


async def test_it_is_an_asset_of_its_own(database, alice, take_out, see, told, still):
    film = await take_out()

    assert await see(still) == (film, "timeline")
    assert await see(film) == (None, "hidden")
    assert await usage(database, alice) == 2000
    assert await told(film) == ["asset.uploaded"]
    (row,) = await ask(database, "SELECT owner_id, is_extracted FROM asset WHERE id = %s", film)
    assert row == {"owner_id": alice.user_id, "is_extracted": True}
    waiting = "SELECT entity_id FROM job WHERE queue = 'metadata' AND entity_id = %s"
    assert await ask_one(database, waiting, film) == film


async def test_it_is_taken_out_once(database, alice, take_out, see, still):
    film = await take_out()

    await take_out()

    assert await see(still) == (film, "timeline")
    assert await usage(database, alice) == 2000
    assert await ask_one(database, "SELECT count(*) FROM asset") == 2


async def test_it_counts_even_beyond_the_quota(database, alice, take_out, see, still):
    """Nobody can be asked: it is a part of what was taken in."""
    async with database.write() as tx:
        await tx.execute('UPDATE "user" SET quota_bytes = usage_bytes')

    film = await take_out()

    assert await see(still) == (film, "timeline")
    assert await usage(database, alice) == 2000


async def test_the_same_bytes_are_one_film(database, do, alice, take_out, see, still):
    copy = await new_asset(database, alice)
    film = await take_out()
    await take_out(of=copy)
    assert await see(copy) == (film, "timeline")

    await do(assets.delete_assets, alice, [still])
    assert await see(film) == (None, "hidden")
    await do(assets.delete_assets, alice, [copy])
    assert await ask(database, "SELECT 1 FROM asset") == []
    assert await usage(database, alice) == 0


async def test_a_locked_copy_does_not_take_it_away(database, do, alice, take_out, see):
    elevated = Actor(alice.user_id, is_elevated=True)
    copy = await new_asset(database, alice)
    film = await take_out()
    await do(assets.update_assets, elevated, [copy], visibility="locked")

    await take_out(of=copy)

    assert await see(copy) == (film, "locked")
    assert await see(film) == (None, "hidden")


@pytest.mark.parametrize("place", ["timeline", "archive", "trash"])
async def test_a_film_that_was_there_is_taken(
    database, do, alice, take_out, see, told, still, place
):
    known = await new_asset(database, alice, b"inside", type="VIDEO")
    album_id = await do(albums.create_album, alice, "Trip")
    await do(albums.add_assets, alice, album_id, [known])
    if place == "trash":
        await do(assets.trash_assets, alice, [known])
    else:
        await do(assets.update_assets, alice, [known], visibility=place)

    await take_out()

    assert await see(still) == (known, "timeline")
    assert await see(known) == (None, "hidden")
    assert "asset.hidden" in await told(known)
    assert await usage(database, alice) == 2000
    assert await ask(database, "SELECT 1 FROM album_asset") == []
    assert await ask(database, "SELECT 1 FROM asset WHERE deleted_at IS NOT NULL") == []


async def test_what_is_locked_away_stays_there(database, do, alice, take_out, see, still):
    elevated = Actor(alice.user_id, is_elevated=True)
    known = await new_asset(database, alice, b"inside", type="VIDEO")
    await do(assets.update_assets, elevated, [known], visibility="locked")

    await take_out()
    assert await see(still) == (None, "timeline")

    await do(assets.update_assets, elevated, [still], visibility="locked")
    await take_out()
    assert await see(still) == (known, "locked")


async def test_that_of_a_locked_still_is_locked(do, alice, take_out, see, still):
    elevated = Actor(alice.user_id, is_elevated=True)
    await do(assets.update_assets, elevated, [still], visibility="locked")

    film = await take_out()

    assert await see(film) == (None, "locked")


async def test_bytes_that_came_as_a_picture_are_no_film(database, alice, take_out, see, still):
    await new_asset(database, alice, b"inside")

    await take_out()

    assert await see(still) == (None, "timeline")


async def test_what_somebody_linked_stays(do, alice, take_out, see, still, film):
    await do(live_photos.link_live_photo, alice, still, film)

    await take_out()

    assert await see(still) == (film, "timeline")


async def test_it_cannot_be_parted_by_hand(alice, take_out, refused, see, still, film):
    taken_out = await take_out()
    message = "Cannot unlink Android motion photos"

    for other in (None, film):
        await refused(Invalid, live_photos.link_live_photo, alice, still, other, match=message)

    assert await see(still) == (taken_out, "timeline")
    assert await see(film) == (None, "timeline")


async def test_another_film_inside_takes_the_place_of_the_first(
    database, alice, take_out, see, still
):
    """As where a picture in an external library changed."""
    first = await take_out(b"first")
    second = await take_out(b"second", file_bytes=50)

    assert await see(still) == (second, "timeline")
    assert await ask(database, "SELECT 1 FROM asset WHERE id = %s", first) == []
    assert await usage(database, alice) == 1050


async def test_a_film_others_use_stays_when_one_has_another(database, alice, take_out, see, still):
    copy = await new_asset(database, alice)
    first = await take_out(b"first")
    await take_out(b"first", of=copy)

    second = await take_out(b"second")

    assert await see(still) == (second, "timeline")
    assert await see(copy) == (first, "timeline")


async def test_one_that_goes_meanwhile_is_looked_for_again(database, refused, still):
    """It was there when the picture was read, so it was not taken out."""
    await refused(Invalid, renditions.record_metadata, still, FOUND, film=Film(b"x" * 20))


async def test_two_workers_take_it_out_once(database, alice, start, see, still):
    copy = await new_asset(database, alice)
    uploads = [an_upload(b"inside", type="VIDEO") for _ in range(2)]
    films = [Film(upload.checksum, upload) for upload in uploads]
    async with database.write() as tx:
        await renditions.record_metadata(tx, still, FOUND, film=films[0])
        other = await start(renditions.record_metadata, copy, FOUND, film=films[1])
    await other

    await sequence(database)
    assert await differences(database) == []
    film = uploads[0].asset_id
    assert [await see(id_) for id_ in (still, copy)] == [(film, "timeline")] * 2
    assert await usage(database, alice) == 3000


async def test_a_still_that_is_gone_gets_nothing(database, alice, do, take_out, still):
    await do(assets.delete_assets, alice, [still])

    await take_out()

    assert await ask(database, "SELECT 1 FROM asset") == []


async def test_it_goes_with_its_still(database, alice, do, take_out, see, still):
    elevated = Actor(alice.user_id, is_elevated=True)
    film = await take_out()

    await do(assets.update_assets, elevated, [still], visibility="locked")
    assert await see(film) == (None, "locked")
    await do(assets.update_assets, elevated, [still], visibility="archive")
    assert await see(film) == (None, "hidden")
    await do(assets.trash_assets, alice, [still])
    assert await see(film) == (None, "hidden")
    await do(assets.empty_trash, alice)
    assert await ask(database, "SELECT 1 FROM asset") == []
    assert await usage(database, alice) == 0
    removed = "SELECT facts FROM log WHERE topic = 'asset.deleted'"
    assert await until(lambda: ask(database, removed))
