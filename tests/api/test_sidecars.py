"""What users say through the API is in files beside theirs; and the queue that writes it."""

from __future__ import annotations

import exiv2
import pytest

from media.beside import sidecar_consumer, tag_consumer
from server import chores
from server.context import Context
from sync import worker
from sync.config import Config
from sync.stream import settle
from tests.media.test_sidecar import FOREIGN

QUEUE = "sidecar"


@pytest.fixture
def write(database, root):
    """Do what waits in the queue, and what follows from it; how many jobs were done."""

    async def write():
        done = 0
        for _ in range(2):
            await settle(database)
            for queue, consumer in (
                ("tag_sidecars", tag_consumer()),
                ("sidecar", sidecar_consumer(database, root, None)),
            ):
                done += await worker.drain(database, queue, consumer)
        return done

    return write


@pytest.fixture
def words(alice):
    """The properties in an asset's sidecar, as another program reads them; None: it has none."""

    async def words(asset, client=alice):
        files = (await client.get("/api/asset-files", assetId=asset, type="sidecar")).json
        if not files:
            return None
        sent = await client.get(f"/api/asset-files/{files[0]['id']}/download")
        image = exiv2.ImageFactory.open(sent.data)
        image.readMetadata()
        return {datum.key(): datum.print() for datum in image.xmpData() if datum.count()}

    return words


async def test_a_change_of_one_asset_and_of_many(alice, add, write, words):
    one, other = await add(), await add()
    await write()
    await alice.put(f"/api/assets/{one}", {"isFavorite": True})
    await alice.put("/api/assets", {"ids": [one, other], "visibility": "archive"})
    assert await write() == 0

    await alice.put(f"/api/assets/{one}", {"description": "A day", "rating": 5})
    await alice.put("/api/assets", {"ids": [one, other], "latitude": 48.5, "longitude": -16.25})
    assert await write() == 3

    place = {"Xmp.exif.GPSLatitude": "48,30.0N", "Xmp.exif.GPSLongitude": "16,15.00W"}
    said = {"Xmp.dc.description": 'lang="x-default" A day', "Xmp.xmp.Rating": "5"}
    assert (place | said).items() <= (await words(one)).items()
    assert await words(other) == place


async def test_tags(alice, add, write, words):
    assets = [await add(), await add()]
    tags = (await alice.put("/api/tags", {"tags": ["a/b", "c"]})).json
    ids = [tag["id"] for tag in tags]
    await alice.put("/api/tags/assets", {"assetIds": assets, "tagIds": ids})
    await write()
    assert (await words(assets[0]))["Xmp.digiKam.TagsList"] == "a/b, c"

    await alice.put(f"/api/tags/{tags[0]['parentId']}", {"name": "x"})
    await alice.delete(f"/api/tags/{ids[1]}/assets", {"ids": [assets[1]]})
    await write()
    assert (await words(assets[0]))["Xmp.lr.hierarchicalSubject"] == "c, x|b"
    assert (await words(assets[1]))["Xmp.lr.hierarchicalSubject"] == "x|b"

    await alice.delete(f"/api/tags/{ids[0]}")
    await write()
    assert (await words(assets[0]))["Xmp.dc.subject"] == "c"
    assert await words(assets[1]) == {}


async def test_the_queue_can_be_started(admin, alice, add, write, words, execute):
    said, silent = await add(), await add()
    await alice.put(f"/api/assets/{said}", {"rating": 2})
    await write()
    assert (await words(said))["Xmp.xmp.Rating"] == "2"

    async def start(force):
        body = {"command": "start", "force": force}
        answer = await admin.put(f"/api/jobs/{QUEUE}", body)
        assert answer.status == 200, answer.data
        return await write()

    assert await start(force=False) == 0
    await execute("UPDATE asset_exif SET is_unwritten = true WHERE asset_id = %s", said)
    assert await start(force=False) == 1
    assert await start(force=True) == 1
    assert await words(silent) is None


async def test_a_word_that_lost_its_job_is_written_at_night(
    alice, add, database, root, write, words, execute
):
    asset = await add()
    await alice.put(f"/api/assets/{asset}", {"rating": 2})
    await settle(database)
    await execute("DELETE FROM job WHERE queue = %s", QUEUE)

    await chores.request_missing_sidecars(Context(database, root, None, Config()))

    assert await write() == 1
    assert (await words(asset))["Xmp.xmp.Rating"] == "2"


async def test_a_sidecar_that_is_copied_also_says_what_was_said_of_its_new_asset(
    alice, add, write, words
):
    answer = await alice.upload(b"\xff\xd8\xff" + FOREIGN.encode(), sidecar=FOREIGN.encode())
    source, target = answer.json["id"], await add()
    await alice.put(f"/api/assets/{target}", {"rating": 5})
    await write()

    answer = await alice.put("/api/assets/copy", {"sourceId": source, "targetId": target})
    assert answer.status == 204
    await write()

    copied = await words(target)
    assert copied["Xmp.darktable.history_end"] == "7"
    assert copied["Xmp.xmp.Rating"] == "5"


async def test_faces_are_imported_if_that_is_set(admin, alice):
    before = (await admin.get("/api/admin/config")).json
    assert (await alice.get("/api/server/features")).json["importFaces"] is False
    before["metadata"]["faces"]["import"] = True

    assert (await admin.put("/api/admin/config", before)).status == 200

    assert (await alice.get("/api/server/features")).json["importFaces"] is True
