"""/asset-files, and /assets/copy and /assets/jobs: what lies beside an original, and follows it."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest

from sync.operations import findings
from sync.operations.findings import Text

UNKNOWN = str(uuid4())
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'></x:xmpmeta>"


@pytest.fixture
async def asset(alice, dsn, root):
    """With a sidecar and a thumbnail."""
    return await with_files(alice, root, dsn)


async def with_files(client, root, dsn):
    answer = await client.upload(b"\xff\xd8\xff" + uuid4().bytes, sidecar=XMP)
    assert answer.status == 201, answer.data
    asset = answer.json["id"]
    key = f"thumbs/{client.user['id']}/{asset[:2]}/{asset[2:4]}/{asset}_thumbnail.webp"
    (root / key).parent.mkdir(parents=True)
    (root / key).write_bytes(b"RIFF....WEBP")
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute(
            "INSERT INTO asset_file (asset_id, type, key) VALUES (%s, 'thumbnail', %s)",
            [asset, key],
        )
    return asset


async def files_of(client, asset, **query):
    answer = await client.get("/api/asset-files", assetId=asset, **query)
    assert answer.status == 200, answer.data
    return {one["type"]: one for one in answer.json}


async def test_files_are_listed_shown_and_sent(alice, asset):
    files = await files_of(alice, asset)
    assert set(files) == {"sidecar", "thumbnail"}
    assert set(await files_of(alice, asset, type="sidecar")) == {"sidecar"}
    assert await files_of(alice, asset, isEdited="true") == {}

    for type_, data in (("sidecar", XMP), ("thumbnail", b"RIFF....WEBP")):
        path = f"/api/asset-files/{files[type_]['id']}"
        assert (await alice.get(path)).json == files[type_]
        sent = await alice.get(f"{path}/download")
        assert (sent.status, sent.data) == (200, data)


async def test_what_was_made_may_go_and_a_sidecar_may_not(alice, asset):
    files = await files_of(alice, asset)

    assert (await alice.delete(f"/api/asset-files/{files['thumbnail']['id']}")).status == 204
    refused = await alice.delete(f"/api/asset-files/{files['sidecar']['id']}")

    assert (refused.status, refused.message) == (400, "Sidecar files cannot be deleted")
    assert set(await files_of(alice, asset)) == {"sidecar"}
    assert (await alice.get(f"/api/asset-files/{files['thumbnail']['id']}")).status == 400


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [("GET", "", "assetFile.read"), ("GET", "/download", "assetFile.download"),
     ("DELETE", "", "assetFile.delete")],
)  # fmt: skip
async def test_files_are_their_owners(alice, bob, asset, method, path, permission):
    await alice.post("/api/partners", {"sharedWithId": bob.user["id"]})
    files = await files_of(alice, asset)

    for id_ in (files["thumbnail"]["id"], UNKNOWN):
        answer = await bob.call(method, f"/api/asset-files/{id_}{path}")
        refused = (400, f"Not found or no {permission} access")
        if path == "/download":  # A file that may not be had is not there, as in Immich.
            refused = (404, "Not Found")
        assert (answer.status, answer.message) == refused


async def test_an_asset_takes_anothers_place(alice, asset, add, following, dsn, root):
    target, mate = await add(), await add()
    await alice.put(f"/api/assets/{asset}", {"isFavorite": True})
    album = await alice.post("/api/albums", {"albumName": "a", "assetIds": [asset]})
    stack = await alice.post("/api/stacks", {"assetIds": [asset, mate]})
    link = await alice.post("/api/shared-links", {"type": "INDIVIDUAL", "assetIds": [asset]})
    assert (album.status, stack.status, link.status) == (201, 201, 201)

    answer = await alice.put("/api/assets/copy", {"sourceId": asset, "targetId": target})

    assert answer.status == 204, answer.data
    shown = (await alice.get(f"/api/assets/{target}")).json
    assert shown["isFavorite"] is True
    assert (shown["stack"]["primaryAssetId"], shown["stack"]["assetCount"]) == (asset, 3)
    assert (await alice.get(f"/api/albums/{album.json['id']}")).json["assetCount"] == 2
    linked = (await alice.get(f"/api/shared-links/{link.json['id']}")).json
    assert {one["id"] for one in linked["assets"]} == {asset, target}
    sidecar = (await files_of(alice, target))["sidecar"]
    sent = await alice.get(f"/api/asset-files/{sidecar['id']}/download")
    assert sent.data == XMP
    await following()


async def test_what_is_not_wanted_is_not_copied(alice, asset, add):
    target = await add()
    await alice.put(f"/api/assets/{asset}", {"isFavorite": True})
    album = await alice.post("/api/albums", {"albumName": "a", "assetIds": [asset]})
    nothing = dict.fromkeys(("albums", "favorite", "sharedLinks", "sidecar", "stack"), False)

    answer = await alice.put("/api/assets/copy", {"sourceId": asset, "targetId": target, **nothing})

    assert answer.status == 204
    assert (await alice.get(f"/api/assets/{target}")).json["isFavorite"] is False
    assert (await alice.get(f"/api/albums/{album.json['id']}")).json["assetCount"] == 1
    assert await files_of(alice, target) == {}


async def test_copies_are_among_ones_own(alice, bob, asset, add):
    other = await add(client=bob)
    for source, target in ((asset, other), (other, asset), (asset, UNKNOWN)):
        answer = await alice.put("/api/assets/copy", {"sourceId": source, "targetId": target})
        assert (answer.status, answer.message) == (400, "Not found or no asset.copy access")
    answer = await alice.put("/api/assets/copy", {"sourceId": asset, "targetId": asset})
    assert answer.message == "Source and target id must be distinct"


@pytest.mark.parametrize(
    ("name", "queue"),
    [
        ("refresh-metadata", "metadata"),
        ("regenerate-thumbnail", "thumbnail"),
        ("transcode-video", "transcode"),
    ],
)
async def test_work_is_done_again(alice, bob, asset, database, name, queue):
    body = {"assetIds": [asset], "name": name}
    assert (await bob.post("/api/assets/jobs", body)).status == 400

    answer = await alice.post("/api/assets/jobs", body)

    assert answer.status == 204, answer.data
    await alice.sync("AssetsV2")
    async with database.read() as connection:
        cursor = await connection.execute(
            b"SELECT count(*) AS count FROM job WHERE queue = %(queue)s AND entity_id = %(id)s",
            {"queue": queue, "id": asset},
        )
        jobs = (await cursor.fetchone())["count"]
    assert jobs == (2 if queue == "metadata" else 1)  # one is from the upload


async def test_what_no_worker_does_is_refused(alice, asset):
    answer = await alice.post("/api/assets/jobs", {"assetIds": [asset], "name": "refresh-faces"})

    assert (answer.status, answer.message) == (
        400,
        "refresh-faces is not available on this server",
    )


async def test_text_in_a_picture_is_its_viewers(alice, bob, asset, database):
    corners = (0.1, 0.1, 0.5, 0.1, 0.5, 0.2, 0.1, 0.2)
    async with database.write() as tx:
        await findings.record_ocr(tx, asset, [Text("Exit", corners, 0.9, 0.8)])

    (text,) = (await alice.get(f"/api/assets/{asset}/ocr")).json

    assert (text["text"], text["boxScore"], text["textScore"]) == ("Exit", 0.9, 0.8)
    assert (text["x1"], text["y3"], text["assetId"]) == (0.1, 0.2, asset)
    assert (await bob.get(f"/api/assets/{asset}/ocr")).status == 400
