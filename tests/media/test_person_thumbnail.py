"""From a face to the picture of a person: what is cut out, when, and when it goes again."""

from __future__ import annotations

import io
from uuid import UUID, uuid4

import numpy as np
import pytest
from PIL import Image, ImageDraw

from media import faces
from media.consumers import (
    file_removal_consumer,
    metadata_consumer,
    person_thumbnail_consumer,
    thumbnail_consumer,
)
from media.errors import UnreadableImage
from server import chores
from server.context import Context
from storage import janitor, paths
from sync import worker
from sync.actor import Actor
from sync.config import Config
from sync.operations import assets, users
from sync.operations.people import Box
from sync.stream import settle
from tests.media import pictures
from tests.media.pictures import opened


def portrait(width=2000, height=1500, box=(800, 600, 1000, 800), colour="red", **options):
    """A JPEG, grey but for a face of one colour."""
    picture = Image.new("RGB", (width, height), "#404040")
    x1, y1, x2, y2 = box
    ImageDraw.Draw(picture).rectangle((x1, y1, x2 - 1, y2 - 1), fill=colour)
    if orientation := options.pop("orientation", None):
        picture = pictures.turned(picture, orientation)
        options["exif"] = pictures.exif(orientation).tobytes()
    data = io.BytesIO()
    picture.save(data, options.pop("format", "JPEG"), **options)
    return data.getvalue() + uuid4().bytes


def share_of(data, colour):
    """How much of a picture, 0 to 1, has about this colour."""
    pixels = np.asarray(opened(data).convert("RGB"), float)
    near = np.abs(pixels - np.array(colour)).max(axis=2) < 60
    return float(near.mean())


RED, GREEN, GREY = (255, 0, 0), (0, 128, 0), (64, 64, 64)
INSIDE = 1 / 1.2**2  # what the face is of the square around it


# What is cut out.


@pytest.fixture
def stored(tmp_path):
    def stored(data, name="a.jpg"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return stored


def test_a_square_around_the_face_is_cut_out(stored):
    path = stored(portrait())

    data = faces.render(None, path, Box(2000, 1500, 800, 600, 1000, 800))

    picture = opened(data)
    assert (picture.format, picture.size) == ("JPEG", (240, 240))  # never enlarged
    assert abs(share_of(data, RED) - INSIDE) < 0.03
    assert all(
        max(abs(a - b) for a, b in zip(picture.getpixel(at), GREY, strict=True)) < 30
        for at in ((3, 3), (236, 3), (3, 236), (236, 236))
    )


def test_a_large_face_becomes_small(stored):
    path = stored(portrait(box=(200, 100, 1200, 1100)))

    data = faces.render(None, path, Box(2000, 1500, 200, 100, 1200, 1100))

    assert opened(data).size == (250, 250)
    assert abs(share_of(data, RED) - INSIDE) < 0.03


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_box_is_of_the_upright_picture(stored, orientation):
    path = stored(portrait(1200, 900, (900, 100, 1000, 200), orientation=orientation))

    data = faces.render(None, path, Box(1200, 900, 900, 100, 1000, 200))

    assert abs(share_of(data, RED) - INSIDE) < 0.04


def test_a_face_of_a_smaller_picture_is_found_in_the_large_one(stored):
    path = stored(portrait())

    data = faces.render(None, path, Box(200, 150, 80, 60, 100, 80))

    assert opened(data).size == (240, 240)
    assert abs(share_of(data, RED) - INSIDE) < 0.03


@pytest.mark.parametrize(
    "box", [(0, 0, 200, 200), (1800, 1300, 2000, 1500), (0, 1300, 200, 1500), (-50, -50, 200, 200)]
)
def test_a_face_at_the_edge_is_whole(stored, box):
    path = stored(portrait(box=box))

    data = faces.render(None, path, Box(2000, 1500, *box))

    assert abs(share_of(data, RED) - INSIDE) < 0.03


def test_a_face_larger_than_the_picture_is_high_gives_all_of_its_height(stored):
    path = stored(portrait(2000, 500, (0, 0, 2000, 500)))

    data = faces.render(None, path, Box(2000, 500, 0, 0, 2000, 500))

    assert (opened(data).size, share_of(data, RED)) == ((250, 250), 1.0)


def test_the_preview_does_for_a_face_that_is_large_in_it(stored):
    original = stored(portrait(colour="red"), "original.jpg")
    preview = stored(portrait(1920, 1440, (768, 576, 960, 768), colour="green"), "preview.jpeg")

    large = faces.render(preview, original, Box(2000, 1500, 500, 300, 1300, 1100))
    small = faces.render(preview, original, Box(2000, 1500, 800, 600, 1000, 800))

    assert share_of(large, GREEN) > 0.02
    assert share_of(large, RED) == 0
    assert share_of(small, RED) > 0.6


def test_the_preview_does_where_the_original_cannot_be_read(stored):
    original = stored(b"no picture", "original.nef")
    preview = stored(portrait(colour="green"), "preview.jpeg")
    box = Box(2000, 1500, 800, 600, 1000, 800)

    assert share_of(faces.render(preview, original, box), GREEN) > 0.6
    assert share_of(faces.render(preview, None, box), GREEN) > 0.6


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ((100, 100, 50, 120), "outside"),
        ((2100, 100, 2200, 200), "outside"),
        ((100, -90, 200, -10), "outside"),
    ],
)
def test_a_face_that_is_not_in_the_picture_is_told(stored, box, reason):
    with pytest.raises(UnreadableImage, match=reason):
        faces.render(None, stored(portrait()), Box(2000, 1500, *box))


def test_without_any_picture_the_reason_is_told(stored):
    box = Box(2000, 1500, 800, 600, 1000, 800)

    with pytest.raises(UnreadableImage, match="no preview"):
        faces.render(None, None, box)
    with pytest.raises(UnreadableImage, match="damaged"):
        faces.render(None, stored(portrait()[:3000]), box)


def test_transparency_becomes_white(stored):
    picture = Image.new("RGBA", (400, 400), (0, 0, 0, 0))
    data = io.BytesIO()
    picture.save(data, "PNG")

    made = faces.render(None, stored(data.getvalue(), "a.png"), Box(400, 400, 0, 0, 400, 400))

    assert share_of(made, (255, 255, 255)) == 1.0


# When it is made, and when it goes.


@pytest.fixture
def work(database, root):
    """`await work()`: all that waits is done, and what follows from it."""
    consumers = {
        "metadata": metadata_consumer(database, root),
        "thumbnail": thumbnail_consumer(database, root),
        "person_thumbnail": person_thumbnail_consumer(database, root),
        "file_removal": file_removal_consumer(root),
    }

    async def work(*queues):
        finished = 1
        while finished:
            await settle(database)
            finished = 0
            for queue in queues or consumers:
                finished += await worker.drain(database, queue, consumers[queue])

    return work


@pytest.fixture
def photo(alice):
    """`await photo("red")`: a picture with a face of that colour."""

    async def photo(colour, client=alice):
        answer = await client.upload(portrait(colour=colour), "a.jpg")
        assert answer.status == 201, answer.data
        return answer.json["id"]

    return photo


PLACE = {"imageWidth": 2000, "imageHeight": 1500, "x": 800, "y": 600, "width": 200, "height": 200}


async def picture_of(client, person_id):
    answer = await client.get(f"/api/people/{person_id}/thumbnail")
    return answer.data if answer.status == 200 else None


def files_of(root, person_id):
    return [path.name for path in root.glob(f"thumbs/*/*/*/{person_id}*")]


async def test_the_first_face_gives_a_picture_and_apps_are_told(
    alice, bob, root, photo, new_person, see, work, open_socket, following
):
    here = await open_socket(alice.url, **alice.headers)
    there = await open_socket(bob.url, **bob.headers)
    anna = await new_person("Anna")
    before = (await alice.get(f"/api/people/{anna}")).json
    missing = await alice.get(f"/api/people/{anna}/thumbnail")
    await see(anna, await photo("red"), **PLACE)

    await work()

    assert (missing.status, missing.message) == (404, "Not Found")
    assert await here.next("on_person_thumbnail") == (anna,)
    answer = await alice.get(f"/api/people/{anna}/thumbnail")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/jpeg")
    assert answer.headers["Cache-Control"] == "private, no-cache, no-transform"
    assert share_of(answer.data, RED) > 0.6
    again = await alice.call(
        "GET",
        f"/api/people/{anna}/thumbnail",
        headers={"If-None-Match": answer.headers["ETag"]},
    )
    assert again.status == 304
    after = (await alice.get(f"/api/people/{anna}")).json
    assert after["updatedAt"] > before["updatedAt"]
    assert (root / after["thumbnailPath"]).read_bytes() == answer.data
    owner = alice.user["id"]
    assert after["thumbnailPath"].startswith(f"thumbs/{owner}/{anna[:2]}/{anna[2:4]}/{anna}_")
    (row,) = (await following())["person"].values()
    assert row["updatedAt"] == after["updatedAt"]
    assert "on_person_thumbnail" not in there.names


async def test_another_face_gives_another_picture(alice, root, photo, new_person, see, work):
    anna, first, second = await new_person("Anna"), await photo("red"), await photo("green")
    await see(anna, first, **PLACE)
    await see(anna, second, **PLACE)
    await work()
    assert share_of(await picture_of(alice, anna), RED) > 0.6

    await alice.put(f"/api/people/{anna}", {"featureFaceAssetId": second})
    assert share_of(await picture_of(alice, anna), RED) > 0.6  # until there is the other
    await work()

    assert share_of(await picture_of(alice, anna), GREEN) > 0.6
    assert len(files_of(root, anna)) == 1


async def test_a_picture_goes_with_its_face(alice, root, photo, new_person, see, work):
    anna, first, second = await new_person("Anna"), await photo("red"), await photo("green")
    await see(anna, first, **PLACE)
    await see(anna, second, **PLACE)
    await work()

    assert (await alice.delete("/api/assets", {"ids": [first], "force": True})).status == 204
    assert await picture_of(alice, anna) is None
    await work()
    assert share_of(await picture_of(alice, anna), GREEN) > 0.6
    assert len(files_of(root, anna)) == 1

    (face,) = (await alice.get("/api/faces", id=second)).json
    assert (await alice.delete(f"/api/faces/{face['id']}", {"force": False})).status == 204
    await work()
    assert await picture_of(alice, anna) is None
    assert files_of(root, anna) == []


async def test_a_picture_goes_with_the_person(alice, root, photo, new_person, see, work):
    anna, bert, carl = [await new_person(name) for name in ("Anna", "Bert", "Carl")]
    asset_id = await photo("red")
    for person in (anna, bert, carl):
        await see(person, asset_id, **PLACE)
    await work()
    assert all(len(files_of(root, person)) == 1 for person in (anna, bert, carl))

    await alice.delete(f"/api/people/{anna}")
    await alice.post("/api/people/merge", {"ids": [bert, carl]})
    await work()

    assert [len(files_of(root, person)) for person in (anna, bert, carl)] == [0, 1, 0]
    assert share_of(await picture_of(alice, bert), RED) > 0.6


async def test_who_gets_all_faces_by_merging_gets_a_picture(
    alice, root, photo, new_person, see, work
):
    anna, anne = await new_person("Anna"), await new_person("")
    await see(anna, await photo("red"), **PLACE)
    await work()

    await alice.post("/api/people/merge", {"ids": [anne, anna]})
    await work()

    assert share_of(await picture_of(alice, anne), RED) > 0.6
    assert files_of(root, anna) == []


async def test_a_face_given_to_another_takes_the_picture_along(
    alice, root, photo, new_person, see, work
):
    anna, bert = await new_person("Anna"), await new_person("Bert")
    face_id = await see(anna, await photo("red"), **PLACE)
    await work()

    answer = await alice.put(f"/api/faces/{bert}", {"id": face_id})
    await work()

    assert (answer.status, answer.json["id"]) == (200, bert)
    assert await picture_of(alice, anna) is None
    assert share_of(await picture_of(alice, bert), RED) > 0.6
    assert (await alice.put(f"/api/faces/{bert}", {"id": face_id})).status == 200  # no news
    assert share_of(await picture_of(alice, bert), RED) > 0.6


async def test_what_is_locked_away_is_not_chosen_to_stand_for_anybody(
    alice, photo, new_person, see, work
):
    anna, asset_id, second = await new_person("Anna"), await photo("red"), await photo("green")
    await see(anna, asset_id, **PLACE)
    await see(anna, second, **{**PLACE, "width": 100})
    third = await photo("blue")
    await see(anna, third, **PLACE)
    await alice.put("/api/assets", {"ids": [third], "visibility": "locked"})

    await alice.delete("/api/assets", {"ids": [asset_id], "force": True})
    await work()

    assert share_of(await picture_of(alice, anna), GREEN) > 0.3


async def test_the_picture_of_a_locked_face_is_shown_behind_the_pin_code(
    alice, photo, new_person, see, work, unlocked
):
    anna, asset_id = await new_person("Anna"), await photo("red")
    await see(anna, asset_id, **PLACE)
    await work()
    await alice.put("/api/assets", {"ids": [asset_id], "visibility": "locked"})

    answer = await alice.get(f"/api/people/{anna}/thumbnail")

    assert (answer.status, answer.message) == (404, "Not Found")
    assert share_of(await picture_of(await unlocked(alice), anna), RED) > 0.6


async def test_a_job_twice_over_makes_one_picture(
    alice, database, root, photo, new_person, see, work, query
):
    anna = await new_person("Anna")
    await see(anna, await photo("red"), **PLACE)
    await settle(database)
    make = person_thumbnail_consumer(database, root)
    (row,) = await query(
        "SELECT job.pos, job.entity_id, job.attempts, log.at, log.scope, log.topic FROM job"
        "  JOIN log ON log.pos = job.pos WHERE queue = 'person_thumbnail'"
    )
    job = worker.Job(**row, facts={})
    for _ in range(2):
        record = await make(job)
        async with database.write() as tx:
            await record(tx)
    await work()

    assert share_of(await picture_of(alice, anna), RED) > 0.6
    assert len(files_of(root, anna)) == 1


async def test_a_picture_of_a_face_that_no_longer_counts_is_not_kept(
    alice, database, root, photo, new_person, see, work, query
):
    anna, second = await new_person("Anna"), await photo("green")
    await see(anna, await photo("red"), **PLACE)
    await see(anna, second, **PLACE)
    await settle(database)
    (row,) = await query(
        "SELECT job.pos, job.entity_id, job.attempts, log.at, log.scope, log.topic FROM job"
        "  JOIN log ON log.pos = job.pos WHERE queue = 'person_thumbnail'"
    )
    record = await person_thumbnail_consumer(database, root)(worker.Job(**row, facts={}))
    await alice.put(f"/api/people/{anna}", {"featureFaceAssetId": second})
    async with database.write() as tx:
        await record(tx)
    await settle(database)
    assert await picture_of(alice, anna) is None

    await work()

    assert share_of(await picture_of(alice, anna), GREEN) > 0.6
    assert len(files_of(root, anna)) == 1


async def test_what_cannot_be_cut_out_is_given_up_with_a_reason(
    alice, photo, new_person, see, work, query
):
    anna = await new_person("Anna")
    asset_id = await photo("red")
    await see(anna, asset_id, **{**PLACE, "x": 3000})

    await work()

    (job,) = await query("SELECT last_error, dead_at FROM job")
    assert job["last_error"] == "The face lies outside of its picture"
    assert job["dead_at"] is not None
    assert await picture_of(alice, anna) is None


async def test_a_person_who_is_gone_meanwhile_is_no_failure(
    alice, photo, new_person, see, work, query
):
    anna = await new_person("Anna")
    await see(anna, await photo("red"), **PLACE)
    await alice.delete(f"/api/people/{anna}")

    await work()

    assert await query("SELECT queue FROM job") == []


async def test_the_picture_of_a_person_is_no_litter_and_a_lost_job_comes_back(
    alice, database, root, photo, new_person, see, work, execute, monkeypatch
):
    monkeypatch.setattr(janitor, "GRACE_SECONDS", -60.0)
    context = Context(database, root, None, Config())
    anna = await new_person("Anna")
    await see(anna, await photo("red"), **PLACE)
    await work("metadata", "thumbnail")
    await execute("DELETE FROM job")
    await execute("UPDATE person SET updated_at = now() - interval '1 day'")
    lost = paths.resolve(root, paths.person_thumbnail(UUID(alice.user["id"]), uuid4(), 1))
    lost.parent.mkdir(parents=True, exist_ok=True)
    lost.write_bytes(b"bytes")

    await chores.do_all(context)
    await work()
    assert share_of(await picture_of(alice, anna), RED) > 0.6
    await chores.do_all(context)

    assert len(files_of(root, anna)) == 1
    assert not lost.exists()


async def test_pictures_of_a_user_who_goes_go_too(
    alice, database, root, photo, new_person, see, work
):
    anna, asset_id = await new_person("Anna"), await photo("red")
    await see(anna, asset_id, **PLACE)
    await work()
    (name,) = files_of(root, anna)
    async with database.write() as tx:
        await tx.execute("UPDATE person SET face_id = NULL")
        await tx.execute("DELETE FROM asset_face")
    owner = UUID(alice.user["id"])
    async with database.write() as tx:
        await assets.delete_assets(tx, Actor(owner), [UUID(asset_id)])
    async with database.write() as tx:
        await users.delete_user(tx, owner)
    await work()

    assert files_of(root, anna) == []
    assert name not in [path.name for path in root.rglob("*")]
