"""What others share: how it comes, goes, comes again, and how a device resumes in its midst."""

from __future__ import annotations

from contextlib import suppress
from itertools import groupby

import pytest

from sql import lines
from sync import checkpoints
from sync.errors import Invalid
from sync.operations import albums, assets, live_photos, partners, stacks, users
from tests.sync.app import TABLES, UPSERTS
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
    await sequence(database)
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


async def test_what_left_an_album_while_it_was_lost_is_not_found_in_it_again(
    database, alice, bob, phone
):
    """Cut between the two deletes, the device still has the album that was lost."""
    mine = [await new_asset(database, bob) for _ in range(2)]
    lost, kept = [await new_album(database, alice, bob) for _ in range(2)]
    for album_id in (lost, kept):
        await act(database, albums.add_assets, bob, album_id, mine)
    await sync(database, phone)
    await act(database, albums.unshare_album, bob, lost, bob.user_id)
    await act(database, albums.remove_assets, alice, lost, mine[:1])
    await act(database, albums.remove_assets, alice, kept, mine[:1])
    await phone.pull(cut=1)
    await act(database, albums.share_album, alice, lost, [bob.user_id], role="viewer")
    await sync(database, phone)


async def test_what_left_while_one_was_away_is_gone_when_one_is_back(database, alice, bob, phone):
    """The device never hears that it lost anything: links, members and pictures all differ."""
    carol = await new_user(database, "Carol")
    mine, theirs = await new_asset(database, bob), await new_asset(database, alice)
    album_id = await new_album(database, alice, bob, [theirs])
    await act(database, albums.add_assets, bob, album_id, [mine])
    await act(database, albums.share_album, alice, album_id, [carol.user_id], role="viewer")
    await act(database, partners.create_partner, alice, bob.user_id)
    await sync(database, phone)
    await act(database, albums.unshare_album, alice, album_id, bob.user_id)
    await act(database, partners.delete_partner, alice, bob.user_id)
    await act(database, albums.remove_assets, alice, album_id, [mine, theirs])
    await act(database, albums.unshare_album, alice, album_id, carol.user_id)
    await act(database, assets.delete_assets, alice, [theirs])
    await act(database, albums.share_album, alice, album_id, [bob.user_id], role="viewer")
    await act(database, partners.create_partner, alice, bob.user_id)
    await sync(database, phone)


@pytest.mark.parametrize("is_in_again", [True, False])
async def test_what_was_put_into_a_lost_album_once_more_is_gone_all_the_same(
    database, alice, bob, phone, is_in_again
):
    ids = [await new_asset(database, alice) for _ in range(2)]
    album_id = await new_album(database, alice, bob, ids)
    await sync(database, phone)
    await act(database, albums.unshare_album, alice, album_id, bob.user_id)
    await act(database, albums.remove_assets, alice, album_id, ids[:1])
    await act(database, albums.add_assets, alice, album_id, ids[:1])
    if not is_in_again:
        await act(database, albums.remove_assets, alice, album_id, ids[:1])
    await sync(database, phone)
    assert phone.dump()["asset"] == {}


async def test_what_was_gone_before_one_came_is_not_told(database, alice, bob, phone):
    """Neither who was in an album, nor what was in it, nor what a partner had."""
    carol = await new_user(database, "Carol")
    ids = [await new_asset(database, alice) for _ in range(3)]
    album_id = await new_album(database, alice, carol, ids)
    await act(database, albums.remove_assets, alice, album_id, ids[:1])
    await act(database, albums.unshare_album, alice, album_id, carol.user_id)
    await act(database, assets.delete_assets, alice, ids[1:2])
    await sync(database, phone)
    await act(database, albums.share_album, alice, album_id, [bob.user_id], role="viewer")
    await act(database, partners.create_partner, alice, bob.user_id)
    await sync(database, phone)
    assert [type_ for type_ in phone.types() if "Delete" in type_] == []


@pytest.mark.parametrize(
    "type_",
    [
        "AlbumAssetCreateV2",
        "AlbumAssetExifCreateV1",
        "AlbumUserV1",
        "AlbumToAssetV1",
        "PartnerAssetV2",
        "PartnerAssetExifV1",
        "PartnerStackV1",
    ],
)
async def test_a_forgotten_type_is_sent_again_from_the_start(database, alice, bob, phone, type_):
    """Also what once came into view bit by bit."""
    ids = [await new_asset(database, alice) for _ in range(3)]
    await sync(database, phone)
    async with database.write() as tx:
        await partners.create_partner(tx, alice, bob.user_id)
        await stacks.create_stack(tx, alice, ids[:2])
    await new_album(database, alice, bob, ids)
    await new_album(database, alice, bob, ids)
    for cut in range(1, 40):
        await phone.pull(cut=cut)
    await sync(database, phone)
    table = UPSERTS[type_]
    before = phone.dump()[table]
    async with database.write() as tx:
        await checkpoints.delete_acks(tx, phone.source.session_id, [type_])
    await phone.pull()
    keys, _ = TABLES[table]
    told = {
        tuple(data[key] for key in keys)
        for name, data, _ in phone.heard
        if UPSERTS.get(name) == table
    }
    mine = {key for key, data in before.items() if data.get("ownerId") == str(bob.user_id)}
    assert told == before.keys() - mine


async def test_a_cut_costs_a_page_and_not_what_came_before(
    database, alice, bob, phone, monkeypatch
):
    """Two albums and a library come into view of one who had none; every stream is cut off."""
    monkeypatch.setattr(lines, "PAGE_LINES", 3)
    ids = [await new_asset(database, alice) for _ in range(30)]
    await new_album(database, bob, alice, [await new_asset(database, bob)])
    await sync(database, phone)
    async with database.write() as tx:
        await partners.create_partner(tx, alice, bob.user_id)
    for some in (ids[:20], ids[18:]):
        album_id = await new_album(database, alice, bob)
        for start in range(0, len(some), 4):  # What came together comes together again.
            await act(database, albums.add_assets, alice, album_id, some[start : start + 4])

    whole = await new_replica(database, bob.user_id)
    await whole.pull()
    needed = len(whole.heard)
    told = []
    while not await phone.pull(cut=12):
        told += phone.heard
        assert len(told) < 2 * needed
    await sync(database, phone)


@pytest.mark.parametrize("cut", range(8, 20, 2))
async def test_what_changes_behind_a_backfill_is_not_forgotten(
    database, alice, bob, phone, monkeypatch, cut
):
    """Each album is half there, or whole, when something in it changes or comes or goes."""
    monkeypatch.setattr(lines, "PAGE_LINES", 2)
    ids = [await new_asset(database, alice) for _ in range(8)]
    await sync(database, phone)
    known = [await new_album(database, alice, bob, some) for some in (ids[:3], ids[3:5], ids[5:])]
    for number, id_ in enumerate(ids):
        await phone.pull(cut=cut)
        await act(database, assets.update_assets, alice, [id_], exif={"description": "New"})
        await act(database, albums.add_assets, alice, known[(number + cut) % 3], [id_])
        await act(database, albums.remove_assets, alice, known[number % 3], ids[::4])
    await sync(database, phone)


async def test_access_that_goes_and_comes_while_it_is_half_there(
    database, alice, bob, phone, monkeypatch
):
    monkeypatch.setattr(lines, "PAGE_LINES", 2)
    ids = [await new_asset(database, alice) for _ in range(6)]
    await sync(database, phone)
    album_id = await new_album(database, alice, bob, ids)
    for cut in range(1, 20):
        await phone.pull(cut=cut)
        await act(database, albums.unshare_album, alice, album_id, bob.user_id)
        if cut % 3 == 0:
            await phone.pull(cut=cut // 3)
        await act(database, albums.remove_assets, alice, album_id, ids[cut % 3 : cut % 3 + 1])
        await act(database, albums.share_album, alice, album_id, [bob.user_id], role="viewer")
        if cut % 2:
            await act(database, albums.add_assets, alice, album_id, ids)
    await sync(database, phone)


async def test_bytes_uploaded_again_fit_under_the_unique_key_of_who_sees_them(
    database, alice, bob, phone
):
    """By an album, by a partner, by both, and by one in place of the other."""
    album_id = await new_album(database, alice, bob)
    for is_shown, is_partner in ((1, 0), (0, 1), (1, 1), (0, 1), (1, 0)):
        change = partners.create_partner if is_partner else partners.delete_partner
        with suppress(Invalid):
            await act(database, change, alice, bob.user_id)
        old = await new_asset(database, alice, b"same")
        if is_shown:
            await act(database, albums.add_assets, alice, album_id, [old])
        await sync(database, phone)
        await act(database, assets.delete_assets, alice, [old])
    await sync(database, phone)


async def test_the_moving_part_of_a_locked_still_is_locked_when_they_are_parted(
    database, alice, bob, phone
):
    alice = alice._replace(is_elevated=True)
    video = await new_asset(database, alice, type="VIDEO")
    still = await new_asset(database, alice, live_photo_video_id=video)
    await new_album(database, alice, bob, [video])
    await sync(database, phone)
    await act(database, assets.update_assets, alice, [still], visibility="locked")
    await act(database, live_photos.link_live_photo, alice, still, None)
    await sync(database, phone)
    assert phone.dump()["asset"] == {}


@pytest.mark.parametrize("how", ["lock", "upload", "link"])
async def test_the_moving_part_of_a_locked_still_is_as_hidden_as_the_still(
    database, alice, bob, phone, how
):
    alice = alice._replace(is_elevated=True)
    video = await new_asset(database, alice, type="VIDEO")
    await new_album(database, alice, bob, [video])
    await act(database, partners.create_partner, alice, bob.user_id)
    visibility = "timeline" if how == "lock" else "locked"
    details = {} if how == "link" else {"live_photo_video_id": video}
    still = await new_asset(database, alice, visibility=visibility, **details)
    if how == "link":
        await act(database, live_photos.link_live_photo, alice, still, video)
    if how == "lock":
        await sync(database, phone)
        await act(database, assets.update_assets, alice, [still], visibility="locked")
    await sync(database, phone)
    assert phone.dump()["asset"] == {}
    await act(database, assets.update_assets, alice, [still], visibility="timeline")
    await sync(database, phone)
    shown = {key: asset["visibility"] for key, asset in phone.dump()["asset"].items()}
    assert shown == {(str(still),): "timeline", (str(video),): "hidden"}


@pytest.mark.parametrize("visibility", ["archive", "hidden", "locked"])
async def test_what_is_shown_otherwise_is_seen_by_whom_it_may(
    database, alice, bob, phone, visibility
):
    """By a partner, and by one who also has an album of it; there and back."""
    alice = alice._replace(is_elevated=True)
    alone, shown = [await new_asset(database, alice) for _ in range(2)]
    album_id = await new_album(database, alice, bob, [shown])
    await act(database, partners.create_partner, alice, bob.user_id)
    await sync(database, phone)
    await act(database, assets.update_assets, alice, [alone, shown], visibility=visibility)
    await sync(database, phone)
    seen = {"archive": {(str(shown),)}, "hidden": {(str(alone),), (str(shown),)}, "locked": set()}
    assert phone.dump()["asset"].keys() == seen[visibility]
    await act(database, assets.update_assets, alice, [alone, shown], visibility="timeline")
    await sync(database, phone)
    assert phone.dump()["asset"].keys() == {(str(alone),), (str(shown),)}
    assert album_id


async def test_a_user_goes_with_all_that_others_saw(database, alice, bob, phone):
    ids = [await new_asset(database, alice) for _ in range(2)]
    theirs = await new_album(database, alice, bob, ids)
    mine = await new_album(database, bob, alice)
    await act(database, albums.add_assets, alice, mine, ids)
    await act(database, partners.create_partner, alice, bob.user_id)
    await sync(database, phone)
    await act(database, assets.delete_assets, alice, ids)
    await act(database, users.delete_user, alice.user_id)
    await sync(database, phone)
    assert phone.types()[-1] == "UserDeleteV1"
    assert (str(theirs),) not in phone.dump()["album"]


async def test_lines_of_one_type_come_together(database, alice, bob, phone, monkeypatch):
    """The app acks each run of a type in a request of its own."""
    monkeypatch.setattr(lines, "PAGE_LINES", 2)
    ids = [await new_asset(database, alice) for _ in range(9)]
    album_id = await new_album(database, alice, bob, ids[:4])
    for id_ in ids[:4:2]:
        await act(database, assets.update_assets, alice, [id_], exif={"description": "New"})
    await sync(database, phone)
    assert runs(phone, "AlbumAsset") == ["AlbumAssetCreateV2", "AlbumAssetExifCreateV1"]
    await act(database, assets.update_assets, alice, ids[:1], exif={"description": "Newer"})
    for id_ in ids[4:]:
        await act(database, albums.add_assets, alice, album_id, [id_])
    for id_ in ids[4::2]:
        await act(database, assets.update_assets, alice, [id_], exif={"description": "New"})
    await sync(database, phone)
    assert runs(phone, "AlbumAsset") == [
        "AlbumAssetUpdateV2",
        "AlbumAssetCreateV2",
        "AlbumAssetExifUpdateV1",
        "AlbumAssetExifCreateV1",
    ]


def runs(phone, name):
    return [type_ for type_, _ in groupby(phone.types()) if type_.startswith(name)]


async def test_what_others_like_is_their_own_affair(database, alice, bob, phone):
    """And what one likes oneself stays so in any album."""
    ids = [await new_asset(database, alice, is_favorite=True) for _ in range(2)]
    mine = await new_asset(database, bob, is_favorite=True)
    album_id = await new_album(database, alice, bob, ids[:1])
    await act(database, albums.add_assets, bob, album_id, [mine])
    await act(database, partners.create_partner, alice, bob.user_id)
    await sync(database, phone)
    liked = {key for key, asset in phone.dump()["asset"].items() if asset["isFavorite"]}
    assert liked == {(str(mine),)}
    fresh = await new_replica(database, bob.user_id)
    await fresh.pull()
    told = [data["id"] for type_, data, _ in fresh.heard if UPSERTS.get(type_) == "asset"]
    assert told.count(str(mine)) == 1  # as one's own


async def test_what_leaves_one_view_stays_in_another(database, alice, bob, phone):
    """Two albums and a partner's library show the same pictures; the last that goes takes them."""
    ids = [await new_asset(database, alice) for _ in range(3)]
    one, other = [await new_album(database, alice, bob, ids) for _ in range(2)]
    await act(database, partners.create_partner, alice, bob.user_id)
    await sync(database, phone)
    await act(database, albums.remove_assets, alice, one, ids[:2])
    await act(database, partners.delete_partner, alice, bob.user_id)
    await sync(database, phone)
    assert len(phone.dump()["asset"]) == 3
    await act(database, albums.remove_assets, alice, other, ids[:1])
    await sync(database, phone)
    assert len(phone.dump()["asset"]) == 2
    await act(database, albums.unshare_album, alice, other, bob.user_id)
    await sync(database, phone)
    assert phone.dump()["asset"].keys() == {(str(ids[2]),)}
