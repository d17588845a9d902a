"""Motion photos and live photos as apps see them: one thing, whatever is done with it."""

from __future__ import annotations

import io
import zipfile
from functools import partial
from uuid import UUID

import av
import pytest

from media.consumers import metadata_consumer, thumbnail_consumer
from storage import paths
from sync import worker
from tests.media import phones
from tests.sync.library import until

CONTENT_ID = "2D7D57A5-FF57-4CB8-8AEB-D2C243CD8A73"


@pytest.fixture
def inside(tmp_path):
    return phones.clip(tmp_path)


@pytest.fixture
def work(database, root):
    """Do what waits for workers until that is so."""
    consumers = {
        "metadata": metadata_consumer(database, root),
        "thumbnail": thumbnail_consumer(database, root),
    }

    async def work(condition):
        async def is_done():
            for queue, consumer in consumers.items():
                await worker.drain(database, queue, consumer)
            return await condition()

        return await until(is_done)

    return work


@pytest.fixture
def linked(work):
    """The film of a still, as soon as it has one."""

    async def linked(client, still):
        async def get_film():
            return (await client.get(f"/api/assets/{still}")).json["livePhotoVideoId"]

        return await work(get_film)

    return linked


@pytest.fixture
async def motion(alice, inside, linked):
    """A picture with a film inside: the ids of both."""
    answer = await alice.upload(phones.google_second(inside), "PXL_1.MP.jpg")
    still = answer.json["id"]
    return still, await linked(alice, still)


async def show(client, asset_id):
    answer = await client.get(f"/api/assets/{asset_id}")
    assert answer.status == 200, answer.data
    return answer.json


async def plays(client, film):
    """How many frames a player gets; None where it gets nothing."""
    answer = await client.get(f"/api/assets/{film}/video/playback")
    if answer.status != 200:
        return None
    with av.open(io.BytesIO(answer.data)) as container:
        return sum(1 for _ in container.decode(video=0))


async def planned(client, **body):
    answer = await client.post("/api/download/info", body)
    assert answer.status == 201, answer.data
    return [id_ for archive in answer.json["archives"] for id_ in archive["assetIds"]]


async def test_a_motion_photo_moves(alice, motion, inside, following):
    still, film = motion

    shown = await show(alice, film)
    assert (shown["type"], shown["visibility"]) == ("VIDEO", "hidden")
    assert shown["originalFileName"] == "PXL_1.MP.mp4"
    # By this the web app knows that it cannot be parted, nor need be downloaded.
    assert "encoded-video" in shown["originalPath"]
    assert await plays(alice, film) == 10
    assert (await alice.get(f"/api/assets/{film}/original")).data == inside
    rows = (await following())["asset"]
    assert rows[(still,)]["livePhotoVideoId"] == film
    assert rows[(film,)]["visibility"] == "hidden"
    assert (await alice.get("/api/assets/statistics")).json == {
        "images": 1, "videos": 0, "total": 1,
    }  # fmt: skip


async def test_its_original_is_as_it_came(alice, motion, inside):
    still, _ = motion
    data = (await alice.get(f"/api/assets/{still}/original")).data
    assert data == phones.google_second(inside)


async def test_the_film_counts(alice, motion, inside):
    me = (await alice.get("/api/users/me")).json
    assert me["quotaUsageInBytes"] == len(phones.google_second(inside)) + len(inside)


async def test_the_same_film_is_a_duplicate(alice, motion, inside):
    _, film = motion
    answer = await alice.upload(inside, "b.mp4")
    assert (answer.status, answer.json["id"]) == (200, film)


async def test_apps_hear_of_the_picture_alone(alice, listen, inside, linked, work):
    socket = await listen(alice)
    answer = await alice.upload(phones.google_first(inside), "a.jpg")
    still = answer.json["id"]
    film = await linked(alice, still)
    await work(partial(_has_thumbnail, alice, film))
    await alice.delete("/api/assets", {"ids": [still]})

    await socket.next("on_asset_trash")
    (told,) = [heard[1] for heard in socket.heard if heard[0] == "on_upload_success"]
    assert (told["id"], told["livePhotoVideoId"]) == (still, film)


async def _has_thumbnail(client, asset_id):
    return (await show(client, asset_id))["thumbhash"]


async def test_a_live_photo_in_two_uploads_is_told_as_one(
    alice, listen, linked, work, tmp_path, following
):
    """The film is seen for a while, until the still is there."""
    socket = await listen(alice)
    moving = phones.apple_film(tmp_path, CONTENT_ID)
    film = (await alice.upload(moving, "IMG_1.MOV")).json["id"]
    await work(partial(_has_thumbnail, alice, film))
    assert (await show(alice, film))["visibility"] == "timeline"
    still = (await alice.upload(phones.apple_jpeg(CONTENT_ID), "IMG_1.JPG")).json["id"]

    assert await linked(alice, still) == film

    assert await socket.next("on_asset_hidden") == (film,)
    rows = (await following())["asset"]
    assert rows[(still,)]["livePhotoVideoId"] == film
    assert rows[(film,)]["visibility"] == "hidden"


async def test_it_goes_through_the_trash_with_its_still(alice, motion, root, query, inside):
    still, film = motion
    (row,) = await query("SELECT original_key FROM asset WHERE id = %s", film)

    await alice.delete("/api/assets", {"ids": [still]})
    await alice.post("/api/trash/restore/assets", {"ids": [still]})
    assert (await show(alice, still))["livePhotoVideoId"] == film
    assert await plays(alice, film) == 10

    await alice.delete("/api/assets", {"ids": [still]})
    await alice.post("/api/trash/empty")
    assert (await alice.get(f"/api/assets/{film}")).status == 400
    assert (await alice.get("/api/users/me")).json["quotaUsageInBytes"] == 0
    removed = "SELECT 1 FROM job WHERE queue = 'file_removal'"
    assert await until(lambda: query(removed))
    assert paths.resolve(root, row["original_key"]).read_bytes() == inside  # until that is done


async def test_it_is_locked_away_with_its_still(alice, motion, unlocked):
    still, film = motion
    elevated = await unlocked(alice)

    await alice.put(f"/api/assets/{still}", {"visibility": "locked"})
    assert await plays(alice, film) is None
    assert await plays(elevated, film) == 10

    await elevated.put(f"/api/assets/{still}", {"visibility": "timeline"})
    assert (await show(alice, film))["visibility"] == "hidden"
    assert await plays(alice, film) == 10


@pytest.mark.parametrize("change", [{"isFavorite": True}, {"visibility": "archive"}])
async def test_it_stays_with_its_still(alice, motion, change):
    still, film = motion

    await alice.put(f"/api/assets/{still}", change)

    shown = await show(alice, still)
    assert shown["livePhotoVideoId"] == film
    assert shown.items() >= change.items()
    assert (await show(alice, film))["visibility"] == "hidden"
    assert await plays(alice, film) == 10


async def test_it_is_seen_where_its_still_is(alice, bob, anonymous, motion, share, visit):
    still, film = motion
    assert await plays(bob, film) is None
    body = {"albumUsers": [{"userId": bob.user["id"], "role": "viewer"}], "assetIds": [still]}
    album = (await alice.post("/api/albums", {"albumName": "Trip", **body})).json["id"]

    assert await plays(bob, film) == 10
    assert await plays(visit(await share(assetIds=[still])), film) == 10
    assert await plays(visit(await share(albumId=album)), film) == 10
    assert await plays(anonymous, film) is None

    await alice.delete(f"/api/albums/{album}/assets", {"ids": [still]})
    assert await plays(bob, film) is None


async def test_a_partner_sees_it(alice, bob, motion):
    _, film = motion
    await alice.post("/api/partners", {"sharedWithId": bob.user["id"]})
    assert await plays(bob, film) == 10


async def test_a_partner_sees_no_more_of_it_than_of_its_still(alice, bob, motion):
    still, film = motion
    await alice.post("/api/partners", {"sharedWithId": bob.user["id"]})
    for change in ("archive", "timeline"):
        await alice.put(f"/api/assets/{still}", {"visibility": change})
        assert await plays(bob, film) == (10 if change == "timeline" else None)
    await alice.delete("/api/assets", {"ids": [still]})
    assert await plays(bob, film) is None


@pytest.mark.parametrize("by", ["assets", "album", "library"])
async def test_it_is_downloaded_if_that_is_wanted(alice, motion, inside, by):
    """It is in the picture anyway: so by default it is left out, as in Immich."""
    still, film = motion
    album = (await alice.post("/api/albums", {"albumName": "A", "assetIds": [still]})).json["id"]
    asked = {
        "assets": {"assetIds": [still]},
        "album": {"albumId": album},
        "library": {"userId": alice.user["id"]},
    }[by]
    assert await planned(alice, **asked) == [still]

    await alice.put("/api/users/me/preferences", {"download": {"includeEmbeddedVideos": True}})
    assert await planned(alice, **asked) == [still, film]
    archive = await alice.post("/api/download/archive", {"assetIds": [still, film]})
    with zipfile.ZipFile(io.BytesIO(archive.data)) as opened:
        assert opened.namelist() == ["PXL_1.MP.jpg", "PXL_1.MP.mp4"]
        assert opened.read("PXL_1.MP.mp4") == inside


async def test_that_of_a_live_photo_is_always_downloaded(alice, linked, tmp_path):
    still = (await alice.upload(phones.apple_jpeg(CONTENT_ID), "IMG_1.JPG")).json["id"]
    moving = phones.apple_film(tmp_path, CONTENT_ID)
    film = (await alice.upload(moving, "IMG_1.MOV")).json["id"]
    await linked(alice, still)

    assert await planned(alice, assetIds=[still]) == [still, film]


async def test_it_cannot_be_parted(alice, bob, motion):
    still, film = motion
    body = {"livePhotoVideoId": None}

    refused = await alice.put(f"/api/assets/{still}", body)
    assert (refused.status, refused.message) == (400, "Cannot unlink Android motion photos")
    assert (await show(alice, still))["livePhotoVideoId"] == film
    his = await bob.put(f"/api/assets/{still}", body)
    assert (his.status, his.message) == (400, "Not found or no asset.update access")


async def test_a_refresh_takes_out_what_was_deleted(alice, motion, linked, inside):
    still, film = motion
    await alice.delete("/api/assets", {"ids": [film], "force": True})
    assert (await show(alice, still))["livePhotoVideoId"] is None

    await alice.post("/api/assets/jobs", {"assetIds": [still], "name": "refresh-metadata"})

    again = await linked(alice, still)
    assert again != film
    assert await plays(alice, again) == 10
    assert UUID(again)
