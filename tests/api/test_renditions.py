"""Renditions follow the settings, and come back when they are lost."""

from __future__ import annotations

import io
import os
from base64 import b64decode

import numpy as np
import pytest
import pyvips
from PIL import Image

from media import faces, images
from media.consumers import (
    edit_consumer,
    file_removal_consumer,
    metadata_consumer,
    person_thumbnail_consumer,
    thumbnail_consumer,
)
from server import chores
from server.context import Context
from sync import config, worker
from sync.operations import system
from sync.operations.people import Box
from sync.stream import settle
from tests.media import rare
from tests.media.pictures import distance, opened, scene

ROTATE = {"action": "rotate", "parameters": {"angle": 90}}
SIZES = ("thumbnail", "preview")


@pytest.fixture
def work(database, root):
    """Everything that waits, and what follows from it; how many jobs that were."""
    consumers = {
        "metadata": metadata_consumer(database, root),
        "thumbnail": thumbnail_consumer(database, root),
        "edit": edit_consumer(database, root),
        "file_removal": file_removal_consumer(root),
    }

    async def work():
        count, done = 0, 1
        while done:
            await settle(database)
            done = sum([await worker.drain(database, *queue) for queue in consumers.items()])
            count += done
        return count

    return work


@pytest.fixture
def change(database):
    """Set what is under `image` in the configuration."""

    async def change(**values):
        paths = {f"image.{name.replace('__', '.')}": value for name, value in values.items()}
        async with database.write() as tx:
            await system.change_config(tx, paths)
        async with database.read() as connection:
            images.form.follow((await config.load(connection)).image)

    yield change
    images.form.follow(config.Image())


@pytest.fixture
def start(admin):
    """Have made what is missing, or all."""

    async def start(*, is_forced=False):
        body = {"command": "start", "force": is_forced}
        answer = await admin.put("/api/jobs/thumbnailGeneration", body)
        assert answer.status == 200, answer.data

    return start


@pytest.fixture
def upload(alice, work):
    async def upload(picture, name="sea.jpg", **options):
        data = io.BytesIO()
        picture.save(data, Image.registered_extensions()[f".{name.split('.')[1]}"], **options)
        asset = (await alice.upload(data.getvalue(), name)).json["id"]
        await work()
        return asset

    return upload


@pytest.fixture
async def photo(upload):
    """Of 600 x 400."""
    return await upload(scene(600, 400), quality=95)


async def shown(client, asset, size="preview", **query):
    answer = await client.get(f"/api/assets/{asset}/thumbnail", size=size, **query)
    assert answer.status == 200, answer.headers
    return answer


async def picture(client, asset, size="preview", **query):
    return opened((await shown(client, asset, size, **query)).data)


def stored(root):
    return sorted(path.name.partition("_")[2] for path in root.rglob("thumbs/*/*/*/*"))


async def test_formats_are_those_that_are_set(alice, photo, change, start, work, root):
    assert stored(root) == ["preview.jpeg", "thumbnail.webp"]
    before = [(await shown(alice, photo, size)).headers["ETag"] for size in SIZES]
    await change(thumbnail__format="jpeg", preview__format="webp", thumbnail__progressive=True)

    await start()
    await work()

    small, large = [await shown(alice, photo, size) for size in SIZES]
    assert small.headers["Content-Type"] == "image/jpeg"
    assert large.headers["Content-Type"] == "image/webp"
    assert "sea_thumbnail.jpeg" in small.headers["Content-Disposition"]
    assert "sea_preview.webp" in large.headers["Content-Disposition"]
    assert [small.headers["ETag"], large.headers["ETag"]] != before
    assert (opened(small.data).format, opened(large.data).format) == ("JPEG", "WEBP")
    assert opened(small.data).info["progressive"]
    for one in (small, large):
        assert distance(opened(one.data), scene(600, 400)) < 5
    # What they replace is gone, but not before they were on record.
    assert stored(root) == ["preview.webp", "thumbnail.jpeg"]
    listed = (await alice.get("/api/asset-files", assetId=photo)).json
    assert {(one["type"], one["isProgressive"]) for one in listed} == {
        ("thumbnail", True), ("preview", False),
    }  # fmt: skip


@pytest.mark.parametrize(
    "settings",
    [{"preview__size": 300}, {"thumbnail__quality": 30}, {"preview__progressive": True}],
)
async def test_what_is_out_of_date_is_missing(photo, change, start, work, settings):
    await start()
    assert await work() == 0
    await change(**settings)

    await start()

    assert await work() == 1
    await start()
    assert await work() == 0


@pytest.mark.parametrize(
    "settings",
    [{"colorspace": "p3"}, {"fullsize__enabled": True}, {"thumbnail__progressive": True}],
)
async def test_what_would_be_the_same_is_not_made_again(photo, change, start, work, settings):
    await change(**settings)

    await start()

    assert await work() == 0


async def test_the_night_makes_what_is_out_of_date(alice, photo, change, work, database, root):
    await change(preview__size=300)
    async with database.read() as connection:
        settings = await config.load(connection)

    await chores.request_outdated(Context(database, root, None, settings))
    await work()

    assert (await picture(alice, photo)).size == (450, 300)


async def test_what_browsers_do_not_show_is_there_in_full_if_it_shall(
    alice, upload, change, start, work, root
):
    asset = await upload(scene(2400, 1600), "sea.tif")
    answer = await alice.get(f"/api/assets/{asset}/thumbnail", size="fullsize")
    assert answer.headers["Location"] == "thumbnail?size=preview"
    await change(fullsize__enabled=True, fullsize__format="webp", fullsize__quality=90)

    await start()
    await work()

    whole = await shown(alice, asset, "fullsize")
    assert whole.headers["Content-Type"] == "image/webp"
    assert opened(whole.data).size == (2400, 1600)
    assert distance(opened(whole.data), scene(2400, 1600)) < 4
    assert (await alice.get(f"/api/assets/{asset}/original")).headers[
        "Content-Type"
    ] == "image/tiff"
    await change(fullsize__enabled=False)
    await start()
    await work()
    assert stored(root) == ["preview.jpeg", "thumbnail.webp"]
    answer = await alice.get(f"/api/assets/{asset}/thumbnail", size="fullsize")
    assert answer.headers["Location"] == "thumbnail?size=preview"


def wide():
    """A scene in Display P3, and what it would be in numbers without its profile."""
    source = pyvips.Image.new_from_array(np.asarray(scene(600, 400))).copy(interpretation="srgb")
    stored = source.icc_transform("p3", input_profile="srgb")
    return Image.fromarray(stored.numpy()), stored.get("icc-profile-data")


@pytest.mark.parametrize("format_", ["jpeg", "webp"])
async def test_wide_colours_stay_with_their_profile_if_they_shall(
    alice, upload, change, start, work, format_
):
    stored, profile = wide()
    asset = await upload(stored, icc_profile=profile, quality=95)
    plain = (await alice.get(f"/api/assets/{asset}")).json["thumbhash"]
    for size in SIZES:
        assert "icc_profile" not in (await picture(alice, asset, size)).info
    await change(colorspace="p3", thumbnail__format=format_, preview__format=format_)

    await start()
    await work()

    for size in SIZES:
        made = await picture(alice, asset, size)
        assert b"P3" in made.info["icc_profile"].replace(b"\0", b"")
        assert distance(made, stored) < 4
    # Clients blur it as if it were in sRGB.
    blurred = (await alice.get(f"/api/assets/{asset}")).json["thumbhash"]
    assert b64decode(blurred)[:5] == b64decode(plain)[:5]
    assert (await alice.put(f"/api/assets/{asset}/edits", {"edits": [ROTATE]})).status == 200
    await work()
    for size in (*SIZES, "fullsize"):
        made = await picture(alice, asset, size, edited="true")
        assert "icc_profile" in made.info
        assert distance(made, stored.transpose(Image.Transpose.ROTATE_270)) < 4


async def test_srgb_has_no_profile_to_carry(alice, upload, change):
    await change(colorspace="p3")
    asset = await upload(scene(600, 400), quality=95)

    assert "icc_profile" not in (await picture(alice, asset)).info


async def test_edits_follow(alice, photo, change, start, work, root):
    await alice.put(f"/api/assets/{photo}/edits", {"edits": [ROTATE]})
    await work()
    await change(thumbnail__format="jpeg", preview__size=300, fullsize__format="webp")

    await start()
    await work()

    made = {size: await picture(alice, photo, size, edited="true") for size in (*SIZES, "fullsize")}
    assert [(one.format, one.size) for one in made.values()] == [
        ("JPEG", (250, 375)), ("JPEG", (300, 450)), ("WEBP", (400, 600)),
    ]  # fmt: skip
    assert (await picture(alice, photo)).size == (450, 300)
    whole = await alice.get(f"/api/assets/{photo}/original", edited="true")
    assert whole.headers["Content-Type"] == "image/webp"
    assert "sea_edited.webp" in whole.headers["Content-Disposition"]
    assert len(stored(root)) == 5


@pytest.mark.parametrize("is_forced", [False, True])
async def test_all_are_made_again_only_when_that_is_meant(photo, start, work, is_forced):
    await start(is_forced=is_forced)

    assert await work() == is_forced


def path_of(root, ending):
    (path,) = root.rglob(f"thumbs/*/*/*/*{ending}")
    return path


DAMAGE = {
    "is gone": lambda path: path.unlink(),
    "is empty": lambda path: os.truncate(path, 0),
    "is cut": lambda path: os.truncate(path, path.stat().st_size // 2),
    "is blank": lambda path: path.write_bytes(bytes(path.stat().st_size + 8)),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize(
    ("size", "ending"), [("thumbnail", "thumbnail.webp"), ("preview", "preview.jpeg")]
)
async def test_what_was_lost_is_back(alice, photo, work, root, size, ending, damage):
    before = (await shown(alice, photo, size)).data
    DAMAGE[damage](path_of(root, ending))

    for _ in range(3):
        answer = await alice.get(f"/api/assets/{photo}/thumbnail", size=size)
        assert answer.status == 404

    assert await work() == 1
    assert (await shown(alice, photo, size)).data == before


async def test_an_edit_that_was_lost_is_back_and_shows_nothing_else(alice, photo, work, root):
    crop = {"action": "crop", "parameters": {"x": 0, "y": 0, "width": 300, "height": 200}}
    await alice.put(f"/api/assets/{photo}/edits", {"edits": [crop]})
    await work()
    for path in root.rglob("thumbs/*/*/*/*-*_*-*_*"):
        os.truncate(path, 0)

    for path in ("thumbnail?size=preview&edited=true", "original?edited=true"):
        assert (await alice.get(f"/api/assets/{photo}/{path}")).status == 404
    await work()

    for path in ("thumbnail?size=preview&edited=true", "original?edited=true"):
        answer = await alice.get(f"/api/assets/{photo}/{path}")
        assert opened(answer.data).size == (300, 200)


async def test_what_cannot_be_made_again_is_tried_once(alice, photo, work, root, database):
    path_of(root, "preview.jpeg").unlink()
    (original,) = root.rglob("upload/*/*/*/*.jpg")
    original.write_bytes(b"")

    for _ in range(2):
        answer = await alice.get(f"/api/assets/{photo}/thumbnail", size="preview")
        assert answer.status == 404
        await work()

    async with database.read() as connection:
        cursor = await connection.execute("SELECT queue, attempts FROM job")
        assert [tuple(row.values()) for row in await cursor.fetchall()] == [("thumbnail", 1)]


async def test_a_newer_file_is_not_taken_for_a_lost_one(alice, photo, work, root):
    """A worker stores it before it is on record."""
    newer = io.BytesIO()
    scene(300, 200).save(newer, "JPEG")
    path_of(root, "preview.jpeg").write_bytes(newer.getvalue())

    assert (await shown(alice, photo)).data == newer.getvalue()
    assert await work() == 0


async def test_a_name_that_is_used_again_keeps_its_file(
    alice, photo, change, start, work, database, root
):
    """The settings change there and back before what they replaced is removed."""
    for format_ in ("webp", "jpeg"):
        await change(preview__format=format_)
        await start()
        await settle(database)
        await worker.drain(database, "thumbnail", thumbnail_consumer(database, root))

    await work()

    assert stored(root) == ["preview.jpeg", "thumbnail.webp"]
    assert (await picture(alice, photo)).size == (600, 400)


@pytest.fixture
async def raw(alice, tmp_path, work):
    """Of 300 x 200, with a darker preview of the same size inside."""
    preview = io.BytesIO()
    scene(300, 200).point(lambda value: value // 2).save(preview, "JPEG", quality=95)
    path = rare.dng(scene(300, 200), tmp_path / "a.dng", preview=preview.getvalue())
    asset = (await alice.upload(path.read_bytes(), "a.dng")).json["id"]
    await work()
    return asset


async def test_raw_pictures_show_what_the_camera_made_unless_they_shall_be_developed(
    alice, raw, change, start, work
):
    dark = scene(300, 200).point(lambda value: value // 2)
    assert distance(await picture(alice, raw), dark) < 5
    await change(extractEmbedded=False, fullsize__enabled=True)

    await start()
    assert await work() == 1

    for size in ("preview", "fullsize"):
        developed = await picture(alice, raw, size)
        assert developed.size == (300, 200)
        assert distance(developed, scene(300, 200)) < distance(developed, dark)
    await change(extractEmbedded=True)
    await start()
    await work()
    for size in ("preview", "fullsize"):
        assert distance(await picture(alice, raw, size), dark) < 5


async def test_other_pictures_do_not_depend_on_what_is_set_for_raw_ones(photo, change, start, work):
    await change(extractEmbedded=False)

    await start()

    assert await work() == 0


async def test_metadata_read_again_leaves_edits_as_they_are(alice, photo, work, database):
    await alice.put(f"/api/assets/{photo}/edits", {"edits": [ROTATE]})
    await work()

    body = {"assetIds": [photo], "name": "refresh-metadata"}
    assert (await alice.post("/api/assets/jobs", body)).status == 204
    assert await work() == 2

    body = {"assetIds": [photo], "name": "regenerate-thumbnail"}
    await alice.post("/api/assets/jobs", body)
    assert await work() == 3  # Also what removes the files of the edit before: none.


@pytest.mark.parametrize(("colorspace", "has_profile"), [("srgb", False), ("p3", True)])
async def test_pictures_of_people_follow(change, tmp_path, colorspace, has_profile):
    stored, profile = wide()
    path = tmp_path / "a.png"
    stored.save(path, icc_profile=profile)
    box = Box(image_width=600, image_height=400, x1=100, y1=100, x2=300, y2=300)
    sizes = []
    for quality in (30, 90):
        await change(thumbnail__quality=quality, colorspace=colorspace)
        data = faces.render(None, path, box)
        assert ("icc_profile" in opened(data).info) == has_profile
        sizes.append(len(data))
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize("damage", ["is gone", "is empty"])
async def test_a_picture_of_a_person_that_was_lost_is_back(
    alice, photo, new_person, see, database, root, work, damage
):
    anna = await new_person("Anna")
    place = {"imageWidth": 600, "imageHeight": 400, "x": 200, "y": 100, "width": 200, "height": 200}
    await see(anna, photo, **place)
    make = person_thumbnail_consumer(database, root)
    await settle(database)
    await worker.drain(database, "person_thumbnail", make)
    path = f"/api/people/{anna}/thumbnail"
    before = (await alice.get(path)).data
    DAMAGE[damage](path_of(root, f"{anna}_*"))

    for _ in range(2):
        assert (await alice.get(path)).status == 404
    await settle(database)

    assert await worker.drain(database, "person_thumbnail", make) == 1
    assert (await alice.get(path)).data == before
