"""/assets/{id}/edits: a picture is shown otherwise, and as it was taken again."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from media.consumers import edit_consumer, metadata_consumer, thumbnail_consumer
from media.consumers import file_removal_consumer as removal_consumer
from sync import worker
from sync.stream import settle
from tests.media.pictures import distance, opened, scene

CROP = {"action": "crop", "parameters": {"x": 100, "y": 20, "width": 120, "height": 90}}
ROTATE = {"action": "rotate", "parameters": {"angle": 90}}
MIRROR = {"action": "mirror", "parameters": {"axis": "horizontal"}}


@pytest.fixture
def work(database, root):
    """Everything that waits, and what follows from it."""
    consumers = {
        "metadata": metadata_consumer(database, root),
        "thumbnail": thumbnail_consumer(database, root),
        "edit": edit_consumer(database, root),
        "file_removal": removal_consumer(root),
    }

    async def work():
        done = 1
        while done:
            await settle(database)
            drained = [await worker.drain(database, *queue) for queue in consumers.items()]
            done = sum(drained)

    return work


@pytest.fixture
async def asset(alice, work):
    """A picture of 300 x 200, with its renditions."""
    data = io.BytesIO()
    scene(300, 200).save(data, "JPEG", quality=95)
    answer = await alice.upload(data.getvalue(), "sea.jpg")
    await work()
    return answer.json["id"]


async def edit(client, asset, *edits):
    return await client.put(f"/api/assets/{asset}/edits", {"edits": list(edits)})


async def picture(client, asset, path="thumbnail", **query):
    answer = await client.get(f"/api/assets/{asset}/{path}", **query)
    assert answer.status == 200, answer.data
    return opened(answer.data)


async def test_a_picture_is_shown_as_it_was_edited(alice, asset, work, following):
    answer = await edit(alice, asset, CROP, ROTATE, MIRROR)
    assert answer.status == 200, answer.data
    listed = await alice.get(f"/api/assets/{asset}/edits")
    assert listed.json == answer.json
    assert [(one["action"], one["parameters"]) for one in listed.json["edits"]] == [
        (one["action"], one["parameters"]) for one in (CROP, ROTATE, MIRROR)
    ]
    before = (await alice.get(f"/api/assets/{asset}")).json

    await work()

    expected = (
        scene(300, 200)
        .crop((100, 20, 220, 110))
        .transpose(Image.Transpose.ROTATE_270)
        .transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    )
    for query in ({}, {"size": "preview"}, {"size": "fullsize"}):
        shown = await picture(alice, asset, edited="true", **query)
        assert shown.size == (90, 120)
        assert distance(shown, expected) < 4
    full = await picture(alice, asset, "original", edited="true")
    assert full.size == (90, 120)
    after = (await alice.get(f"/api/assets/{asset}")).json
    assert (after["width"], after["height"], after["isEdited"]) == (90, 120, True)
    assert after["thumbhash"] != before["thumbhash"]
    await following()


async def test_what_was_taken_stays(alice, asset, work):
    await edit(alice, asset, ROTATE)
    await work()

    for path, query in (("original", {}), ("thumbnail", {"size": "preview"})):
        assert (await picture(alice, asset, path, **query)).size == (300, 200)


async def test_edits_taken_back_leave_nothing(alice, asset, work, root, following):
    before = (await alice.get(f"/api/assets/{asset}")).json
    files = {path for path in root.rglob("*") if path.is_file()}
    await edit(alice, asset, CROP)
    await work()
    await edit(alice, asset, ROTATE)
    await work()
    assert len({path for path in root.rglob("*") if path.is_file()} - files) == 3

    assert (await alice.delete(f"/api/assets/{asset}/edits")).status == 204
    await work()

    after = (await alice.get(f"/api/assets/{asset}")).json
    for name in ("width", "height", "thumbhash", "isEdited"):
        assert after[name] == before[name]
    assert (await alice.get(f"/api/assets/{asset}/edits")).json["edits"] == []
    assert {path for path in root.rglob("*") if path.is_file()} == files
    assert (await picture(alice, asset, edited="true", size="preview")).size == (300, 200)
    await following()


async def test_metadata_read_again_does_not_undo_an_edit(alice, asset, work):
    await edit(alice, asset, CROP)
    await work()

    await alice.post("/api/assets/jobs", {"assetIds": [asset], "name": "refresh-metadata"})
    await work()

    shown = (await alice.get(f"/api/assets/{asset}")).json
    assert (shown["width"], shown["height"]) == (120, 90)


async def test_apps_are_told_when_it_can_be_seen(alice, asset, work, listen):
    socket = await listen(alice)

    await edit(alice, asset, CROP)
    await work()
    (told,) = await socket.next("AssetEditReadyV2")
    assert (told["asset"]["id"], told["asset"]["isEdited"]) == (asset, True)
    assert [(one["assetId"], one["action"], one["sequence"]) for one in told["edit"]] == [
        (asset, "crop", 0)
    ]

    await alice.delete(f"/api/assets/{asset}/edits")
    await work()
    (told,) = await socket.next("AssetEditReadyV2")
    assert told["edit"] == []


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ([ROTATE, CROP], "Crop action must be the first edit action"),
        ([{**CROP, "parameters": {**CROP["parameters"], "x": 181}}],
         "Crop parameters are out of bounds"),
        ([], "Validation failed"),
        ([{"action": "rotate", "parameters": {"angle": 45}}], "Validation failed"),
        ([{"action": "mirror", "parameters": {"axis": "diagonal"}}], "Validation failed"),
        ([{"action": "crop", "parameters": {"x": -1, "y": 0, "width": 1, "height": 1}}],
         "Validation failed"),
        ([{"action": "crop", "parameters": {"angle": 90}}], "Validation failed"),
        ([{"action": "blur", "parameters": {}}], "Validation failed"),
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused(alice, asset, edits, message):
    answer = await edit(alice, asset, *edits)

    assert (answer.status, answer.message) == (400, message)


async def test_only_pictures_are_edited(alice, asset, add, work):
    for name, message in (
        ("a.mov", "Only images can be edited"),
        ("a.gif", "Editing GIF images is not supported"),
    ):
        answer = await edit(alice, await add(name), ROTATE)
        assert (answer.status, answer.message) == (400, message)


async def test_others_look_at_most(alice, bob, asset, new_key):
    path = f"/api/assets/{asset}/edits"
    assert (await bob.get(path)).status == 400
    await alice.post("/api/partners", {"sharedWithId": bob.user["id"]})

    assert (await bob.get(path)).status == 200
    refused = await edit(bob, asset, ROTATE)
    assert (refused.status, refused.message) == (400, "Not found or no asset.edit.create access")
    refused = await bob.delete(path)
    assert (refused.status, refused.message) == (400, "Not found or no asset.edit.delete access")
    key = await new_key(alice, "asset.read")
    assert (await key.get(path)).status == 403
