"""POST /assets and the check before it, with real files from real sockets."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import tempfile
from base64 import b64encode
from collections import Counter
from hashlib import sha1
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest

from server import upload as form_reader
from server.api import asset_upload
from storage import files
from sync.operations import assets as operations
from tests.api.uploads import NOW, PHOTO, VIDEO, assert_nothing_came, count_rows, send, show, stored

BOUNDARY = "x3Fq9"


async def usage(client) -> int:
    return (await client.get("/api/users/me")).json["quotaUsageInBytes"]


async def test_a_new_file_is_stored_as_it_came(alice, root, following):
    answer = await alice.upload(PHOTO, "Été 1.JPG", **NOW)

    assert (answer.status, answer.json["status"]) == (201, "created")
    ((key, data),) = stored(root).items()
    asset_id = answer.json["id"]
    assert key == f"upload/{alice.user['id']}/{asset_id[:2]}/{asset_id[2:4]}/{asset_id}.jpg"
    assert data == PHOTO
    assert os.stat(root / key).st_mtime == 1714979289
    shown = await show(alice, answer)
    assert shown["originalFileName"] == "Été 1.JPG"
    assert shown["checksum"] == b64encode(sha1(PHOTO).digest()).decode()
    assert shown["fileCreatedAt"] == shown["localDateTime"] == "2024-05-06T07:08:09.123Z"
    assert shown["fileModifiedAt"] == "2024-05-06T07:08:09.000Z"
    assert (shown["type"], shown["originalMimeType"]) == ("IMAGE", "image/jpeg")
    assert shown["exifInfo"]["fileSizeInByte"] == len(PHOTO)
    assert shown["duration"] is shown["thumbhash"] is shown["width"] is None
    rows = await following()
    assert rows["asset"][(asset_id,)]["checksum"] == shown["checksum"]
    assert rows["exif"][(asset_id,)]["fileSizeInByte"] == len(PHOTO)
    assert rows["auth_user"][(alice.user["id"],)]["quotaUsageInBytes"] == len(PHOTO)


async def test_a_sidecar_lies_beside_its_asset(alice, root):
    answer = await send(
        alice, ("sidecarData", b"<x/>", "a.jpg.XMP"), ("assetData", PHOTO, "a.jpg"), **NOW
    )

    assert answer.status == 201
    key, sidecar_key = sorted(stored(root))
    assert sidecar_key == f"{key}.xmp"
    assert stored(root)[sidecar_key] == b"<x/>"


async def test_the_same_bytes_are_one_asset(alice, root, following):
    first = await alice.upload(PHOTO, "a.jpg")
    before = await following()

    second = await alice.upload(PHOTO, "b.png", isFavorite="true", visibility="hidden")

    assert second.status == 200
    assert second.json == {"id": first.json["id"], "status": "duplicate"}
    assert len(stored(root)) == 1
    assert await following() == before
    assert await usage(alice) == len(PHOTO)


@pytest.mark.parametrize("state", ["trashed", "hidden", "locked"])
async def test_a_duplicate_stays_as_it_is(alice, state):
    first = await alice.upload(PHOTO, visibility="timeline" if state == "trashed" else state)
    if state == "trashed":
        await alice.delete("/api/assets", {"ids": [first.json["id"]]})

    again = await alice.upload(PHOTO)

    assert (again.status, again.json["id"]) == (200, first.json["id"])
    if state == "trashed":
        assert (await show(alice, first))["isTrashed"] is True


async def test_two_users_may_have_the_same_bytes(alice, bob, root):
    hers, his = await alice.upload(PHOTO), await bob.upload(PHOTO)

    assert (hers.status, his.status) == (201, 201)
    assert hers.json["id"] != his.json["id"]
    assert len(stored(root)) == 2


async def test_fifty_uploads_of_one_file_make_one_asset(alice, database, root, following):
    answers = await asyncio.gather(*(alice.upload(PHOTO, f"{n}.jpg") for n in range(50)))

    assert Counter(one.status for one in answers) == {201: 1, 200: 49}
    assert len({one.json["id"] for one in answers}) == 1
    assert await count_rows(database) == 1
    assert list(stored(root).values()) == [PHOTO]
    assert await usage(alice) == len(PHOTO)
    assert len((await following())["asset"]) == 1


@pytest.mark.parametrize("form", ["hex", "base64"])
async def test_a_known_checksum_is_answered_before_the_body(alice, server, form):
    digest = sha1(PHOTO).digest()
    text = digest.hex() if form == "hex" else b64encode(digest).decode()
    first = await alice.upload(PHOTO)
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        # A body is announced, and none of it is sent.
        writer.write(_head(alice, 10**9, f"x-immich-checksum: {text}\r\n"))
        status = await reader.readline()
        body = await _read_body(reader)
    finally:
        writer.close()

    assert status.split()[1] == b"200"
    assert json.loads(body) == {"id": first.json["id"], "status": "duplicate"}


@pytest.mark.parametrize("text", [sha1(b"other").hexdigest(), "", "zz", "é" * 28, "a" * 28])
async def test_an_unknown_checksum_is_no_hindrance(alice, text):
    header = {"x-immich-checksum": text}

    answer = await send(alice, ("assetData", PHOTO, "a.jpg"), headers=header, **NOW)

    assert answer.status == 201


async def test_the_checksum_of_another_user_tells_nothing(alice, bob):
    await alice.upload(PHOTO)
    header = {"x-immich-checksum": sha1(PHOTO).hexdigest()}

    answer = await send(bob, ("assetData", PHOTO, "a.jpg"), headers=header, **NOW)

    assert answer.status == 201


async def test_a_quota_counts_every_byte(sign_in, root):
    carol = await sign_in("Carol", quota_bytes=len(PHOTO) + len(VIDEO))
    assert (await carol.upload(PHOTO)).status == 201
    assert (await carol.upload(VIDEO, "a.mp4")).status == 201

    refused = await carol.upload(b"x", "b.jpg")

    assert (refused.status, refused.json) == (400, {"message": "Quota has been exceeded!"})
    assert len(stored(root)) == 2
    assert (await carol.upload(PHOTO)).status == 200


async def test_a_quota_holds_against_uploads_at_once(sign_in, database, root):
    carol = await sign_in("Carol", quota_bytes=3 * len(PHOTO))

    answers = await asyncio.gather(*(carol.upload(PHOTO[:-1] + bytes([n])) for n in range(12)))

    assert Counter(one.status for one in answers) == {201: 3, 400: 9}
    assert await count_rows(database) == len(stored(root)) == 3
    assert await usage(carol) == 3 * len(PHOTO)


async def test_what_is_deleted_for_good_is_given_back(sign_in):
    carol = await sign_in("Carol", quota_bytes=len(PHOTO))
    first = await carol.upload(PHOTO)
    await carol.delete("/api/assets", {"ids": [first.json["id"]], "force": True})

    assert await usage(carol) == 0
    assert (await carol.upload(PHOTO[::-1])).status == 201


async def test_a_live_photo_hides_its_video(alice, following):
    video = await alice.upload(VIDEO, "a.mov")
    still = await alice.upload(PHOTO, "a.jpg", livePhotoVideoId=video.json["id"])

    assert still.status == 201
    assert (await show(alice, still))["livePhotoVideoId"] == video.json["id"]
    assert (await show(alice, video))["visibility"] == "hidden"
    rows = (await following())["asset"]
    assert rows[(still.json["id"],)]["livePhotoVideoId"] == video.json["id"]
    assert rows[(video.json["id"],)]["visibility"] == "hidden"


async def test_what_cannot_be_the_video_of_a_live_photo(alice, bob, database, root):
    photo = await alice.upload(PHOTO)
    his = await bob.upload(VIDEO, "b.mp4")
    before = stored(root)

    for video_id, message in [
        (str(uuid4()), "Live photo video not found"),
        (photo.json["id"], "Live photo video must be a video"),
        (his.json["id"], "Live photo video does not belong to the user"),
    ]:
        answer = await alice.upload(PHOTO[::-1], livePhotoVideoId=video_id)
        assert (answer.status, answer.json) == (400, {"message": message})
    assert await count_rows(database) == 2
    assert stored(root) == before


async def test_a_duplicate_still_hides_no_video(alice):
    await alice.upload(PHOTO)
    video = await alice.upload(VIDEO, "a.mov")

    assert (await alice.upload(PHOTO, livePhotoVideoId=video.json["id"])).status == 200
    assert (await show(alice, video))["visibility"] == "timeline"


@pytest.mark.parametrize("cut", [1, 70, 200, 1_000, 150_000, 299_000, -3])
async def test_a_form_that_is_cut_off_leaves_nothing(alice, database, root, server, cut, receiving):
    body = _body(PHOTO * 60)
    _, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(_head(alice, len(body)) + body[:cut])
    await receiving.begun()
    writer.close()
    await receiving.done()

    await assert_nothing_came(database, root)


async def test_a_client_that_leaves_before_the_answer_leaves_it_whole(
    alice, database, root, server, receiving
):
    body = _body(PHOTO)
    _, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(_head(alice, len(body)) + body)
    await receiving.begun()
    writer.transport.abort()
    await receiving.done()

    assert await count_rows(database) == len(stored(root))


@pytest.mark.parametrize("moment", ["keep", "record", "commit"])
async def test_a_cancelled_request_ends_what_it_began(alice, database, root, monkeypatch, moment):
    """The server stops, or the client is gone: between any two steps."""
    reached, cancelled = asyncio.Event(), asyncio.Event()
    requests: list[asyncio.Task] = []
    store = asset_upload._store
    record = operations.record_upload

    async def pause():
        reached.set()
        await cancelled.wait()

    async def slow_store(*arguments):
        if moment == "keep":
            await pause()
        return await store(*arguments)

    async def slow_record(*arguments, **details):
        if moment == "record":
            await pause()
        asset_id = await record(*arguments, **details)
        if moment == "commit":
            await pause()
        return asset_id

    monkeypatch.setattr(asset_upload, "_store", slow_store)
    monkeypatch.setattr(operations, "record_upload", slow_record)
    receive = form_reader.receive

    def noting(*arguments):
        requests.append(asyncio.current_task())
        return receive(*arguments)

    monkeypatch.setattr(form_reader, "receive", noting)
    sending = asyncio.create_task(alice.upload(PHOTO))
    await reached.wait()
    requests[0].cancel()
    await asyncio.sleep(0)
    cancelled.set()
    await asyncio.wait([requests[0]])
    sending.cancel()
    await asyncio.wait([sending])

    assert await count_rows(database) == 1
    assert list(stored(root).values()) == [PHOTO]


async def test_when_the_commit_is_not_known_the_bytes_stay(alice, root, monkeypatch, caplog):
    """A row may have come to claim them; if none did, the janitor takes them."""

    async def fail(*_):
        raise OSError("the wire was cut")

    monkeypatch.setattr(operations, "record_upload", fail)
    answer = await alice.upload(PHOTO)

    assert (answer.status, answer.json) == (500, {"message": "Failed to upload asset"})
    assert list(stored(root).values()) == [PHOTO]


async def test_an_asset_without_its_sidecar_is_none(alice, database, root, monkeypatch):
    keep = files.Incoming.keep

    def keep_if_there_is_room(incoming, key, mtime):
        if key.endswith(".xmp"):
            raise files.StorageFull
        keep(incoming, key, mtime)

    monkeypatch.setattr(files.Incoming, "keep", keep_if_there_is_room)
    answer = await send(
        alice, ("assetData", PHOTO, "a.jpg"), ("sidecarData", b"<x/>", "a.xmp"), **NOW
    )

    assert answer.status == 507
    await assert_nothing_came(database, root)


@pytest.fixture
def small_disk():
    """A volume of a megabyte."""
    with tempfile.TemporaryDirectory(prefix="heliograph-full-") as folder:
        command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"cannot mount a small tmpfs here: {error}")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


class TestFullDisk:
    @pytest.fixture
    def root(self, small_disk):
        return small_disk

    async def test_a_full_disk_is_said_and_leaves_nothing(self, alice, database, root):
        for size in (900_000, 3_000_000):
            photo = os.urandom(size)
            answer = await alice.upload(photo)
            if size == 900_000:
                assert answer.status == 201
                continue
            assert answer.status == 507, answer.data
        assert await count_rows(database) == 1
        assert [len(data) for data in stored(root).values()] == [900_000]
        assert await usage(alice) == 900_000


async def test_who_may_upload(alice, anonymous, database, root, new_key):
    narrow = await new_key(alice, "asset.read")
    answers = {
        "Authentication required": await anonymous.upload(PHOTO),
        "Missing required permission: asset.upload": await narrow.upload(PHOTO),
        "Invalid share key": await alice.using(**{"x-immich-share-key": "x"}).upload(PHOTO),
    }

    assert {message: one.message for message, one in answers.items()} == {m: m for m in answers}
    assert [one.status for one in answers.values()] == [401, 403, 401]
    await assert_nothing_came(database, root)
    assert (await (await new_key(alice, "asset.upload")).upload(PHOTO)).status == 201


async def test_the_check_answers_in_order_with_the_ids_it_got(alice, bob):
    first = await alice.upload(PHOTO)
    second = await alice.upload(VIDEO, "a.mp4")
    await bob.upload(b"his", "b.jpg")
    await alice.delete("/api/assets", {"ids": [second.json["id"]]})
    digest = sha1(VIDEO).digest()
    asked = [
        ("./b/ü.jpg", sha1(b"new").hexdigest()),
        ("./b/ü.jpg", sha1(PHOTO).hexdigest()),
        ("", b64encode(digest).decode()),
        ("x", digest.hex().upper()),
        ("his", sha1(b"his").hexdigest()),
        ("wrong", "not a checksum"),
    ]

    answer = await alice.post(
        "/api/assets/bulk-upload-check",
        {"assets": [{"id": id_, "checksum": text} for id_, text in asked]},
    )

    duplicate = {"action": "reject", "reason": "duplicate"}
    trashed = {**duplicate, "assetId": second.json["id"], "isTrashed": True}
    assert answer.status == 200
    assert answer.json["results"] == [
        {"id": "./b/ü.jpg", "action": "accept"},
        {"id": "./b/ü.jpg", **duplicate, "assetId": first.json["id"], "isTrashed": False},
        {"id": "", **trashed},
        {"id": "x", **trashed},
        {"id": "his", "action": "accept"},
        {"id": "wrong", "action": "accept"},
    ]


async def test_five_thousand_are_checked_at_once(alice):
    await alice.upload(PHOTO)
    assets = [{"id": str(n), "checksum": sha1(b"%d" % n).hexdigest()} for n in range(4_999)]
    assets.append({"id": "last", "checksum": sha1(PHOTO).hexdigest()})

    answer = await alice.post("/api/assets/bulk-upload-check", {"assets": assets})

    results = answer.json["results"]
    assert [one["id"] for one in results] == [one["id"] for one in assets]
    assert [one["id"] for one in results if one["action"] == "reject"] == ["last"]


async def test_a_wrong_check_names_the_field(alice):
    answer = await alice.post("/api/assets/bulk-upload-check", {"assets": [{"id": 7}]})

    assert answer.status == 400
    assert [issue["path"] for issue in answer.json["errors"]] == [
        ["assets", 0, "id"],
        ["assets", 0, "checksum"],
    ]


@pytest.fixture
def receiving(monkeypatch):
    """Waits until the server has begun with a form, and until it is done with it."""
    begun, done = asyncio.Event(), asyncio.Event()
    handle = asset_upload.upload.receive

    class Noting:
        def __init__(self, *arguments):
            self.form = handle(*arguments)
            begun.set()

        async def __aenter__(self):
            try:
                return await self.form.__aenter__()
            except BaseException:
                done.set()
                raise

        async def __aexit__(self, *error):
            try:
                return await self.form.__aexit__(*error)
            finally:
                done.set()

    monkeypatch.setattr(asset_upload.upload, "receive", Noting)
    return SimpleNamespace(begun=begun.wait, done=done.wait)


def _head(client, length: int, more: str = "") -> bytes:
    return (
        f"POST /api/assets HTTP/1.1\r\nHost: x\r\nAuthorization: {client.headers['Authorization']}"
        f"\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n{more}"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


def _body(data: bytes) -> bytes:
    def part(name: str, more: str = "") -> str:
        return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'

    fields = "".join(f"{part(name)}{value}\r\n" for name, value in NOW.items())
    head = fields + part("assetData", '; filename="a.jpg"')
    return head.encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()


async def _read_body(reader: asyncio.StreamReader) -> bytes:
    length = 0
    while line := (await reader.readline()).strip():
        name, _, value = line.decode().partition(":")
        if name.lower() == "content-length":
            length = int(value)
    return await reader.readexactly(length)
