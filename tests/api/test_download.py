"""/download: what would be in archives, and the archives."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import zipfile
from functools import partial
from operator import not_
from urllib.parse import unquote
from uuid import UUID, uuid4

import pytest

from server.api.asset_upload import to_the_end
from storage import paths
from tests import contract
from tests.sync.library import until

INFO, ARCHIVE = "/api/download/info", "/api/download/archive"
UNKNOWN = str(uuid4())


async def ask(client, **body):
    answer = await client.post(INFO, body)
    assert answer.status == 201, answer.data
    return answer.json


async def fetch(client, *asset_ids, **body):
    """Names and bytes of what comes."""
    answer = await client.post(ARCHIVE, {"assetIds": asset_ids, **body})
    assert answer.status == 200, answer.data
    return unpack(answer.data)


def unpack(data):
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert opened.testzip() is None
        return {name: opened.read(name) for name in opened.namelist()}


async def size(client, asset_id):
    answer = await client.get(f"/api/assets/{asset_id}")
    return answer.json["exifInfo"]["fileSizeInByte"]


async def original(client, asset_id):
    return (await client.get(f"/api/assets/{asset_id}/original")).data


async def file_of(root, query, asset_id):
    (row,) = await query("SELECT original_key FROM asset WHERE id = %s", asset_id)
    return paths.resolve(root, row["original_key"])


@pytest.fixture
async def live(add):
    """A live photo: the ids of its still and its moving part."""
    video = await add("IMG_1.mov", visibility="hidden")
    return await add("IMG_1.jpg", livePhotoVideoId=video), video


@pytest.fixture
async def album(alice, bob, add):
    """Of Alice's, with one photo; Bob looks at it."""
    answer = await alice.post(
        "/api/albums",
        {
            "albumName": "Trip",
            "assetIds": [await add()],
            "albumUsers": [{"userId": bob.user["id"], "role": "viewer"}],
        },
    )
    return answer.json["id"]


# --- what would be in it -----------------------------------------------------------------------


@contract.needed
async def test_the_sizes_are_told(alice, add):
    first, second = await add(), await add()

    found = await ask(alice, assetIds=[second, first])

    contract.assert_matches("POST", "/download/info", 201, found, with_undeclared=False)
    total = await size(alice, first) + await size(alice, second)
    assert found == {
        "archives": [{"assetIds": [second, first], "size": total}],
        "totalSize": total,
    }


async def test_an_archive_ends_with_what_fills_it(alice, add):
    ids = [await add() for _ in range(5)]
    one = await size(alice, ids[0])

    found = await ask(alice, assetIds=ids, archiveSize=one + 1)

    assert [archive["assetIds"] for archive in found["archives"]] == [ids[:2], ids[2:4], ids[4:]]
    assert [archive["size"] for archive in found["archives"]] == [2 * one, 2 * one, one]
    assert found["totalSize"] == 5 * one


async def test_the_size_is_the_users_preference(alice, add):
    ids = [await add() for _ in range(2)]
    await alice.put("/api/users/me/preferences", {"download": {"archiveSize": 1}})

    assert len((await ask(alice, assetIds=ids))["archives"]) == 2
    assert len((await ask(alice, assetIds=ids, archiveSize=1 << 40))["archives"]) == 1


async def test_what_moves_is_with_its_still(alice, live, add):
    still, video = live
    other = await add()

    found = await ask(alice, assetIds=[still, other], archiveSize=1)
    assert [one["assetIds"] for one in found["archives"]] == [[still, video], [other]]
    both = await size(alice, still) + await size(alice, video)
    assert found["archives"][0]["size"] == both

    found = await ask(alice, assetIds=[video, still, still])
    assert [one["assetIds"] for one in found["archives"]] == [[video, still]]


async def test_a_library_is_what_its_owner_sees(alice, bob, unlocked, live, add):
    still, video = live
    archived, locked, trashed = await add(), await add(), await add()
    await alice.put(f"/api/assets/{archived}", {"visibility": "archive"})
    await alice.put(f"/api/assets/{locked}", {"visibility": "locked"})
    await alice.delete("/api/assets", {"ids": [trashed]})
    await add(client=bob)

    for client in (alice, await unlocked(alice)):
        (found,) = (await ask(client, userId=alice.user["id"]))["archives"]
        assert sorted(found["assetIds"]) == sorted([still, video, archived])


async def test_an_album_is_for_all_its_members(alice, bob, album, add):
    (mine,) = (await ask(alice, albumId=album))["archives"]
    (theirs,) = (await ask(bob, albumId=album))["archives"]
    assert mine == theirs
    assert len(mine["assetIds"]) == 1
    trashed = mine["assetIds"]

    await alice.delete("/api/assets", {"ids": trashed})
    assert await ask(bob, albumId=album) == {"archives": [], "totalSize": 0}


@pytest.mark.parametrize(
    "body, message",
    [
        ({}, "assetIds, albumId, or userId is required"),
        ({"assetIds": [UNKNOWN]}, "Not found or no asset.download access"),
        ({"albumId": UNKNOWN}, "Not found or no album.download access"),
        ({"userId": UNKNOWN}, "Not found or no timeline.download access"),
        ({"assetIds": ["x"]}, "Validation failed"),
        ({"assetIds": [], "archiveSize": 0}, "Validation failed"),
    ],
)
async def test_what_is_not_there_has_no_size(alice, body, message):
    answer = await alice.post(INFO, body)

    assert (answer.status, answer.message) == (400, message)


async def test_nothing_is_an_empty_list(alice):
    assert await ask(alice, assetIds=[]) == {"archives": [], "totalSize": 0}


# --- archives ----------------------------------------------------------------------------------


async def test_originals_come_as_they_went(alice, add, live):
    ids = [await add("Été.jpg"), await add("a.jpg"), await add("a.jpg"), *live]

    found = await fetch(alice, *ids, ids[0])

    names = ["Été.jpg", "a.jpg", "a+1.jpg", "IMG_1.jpg", "IMG_1.mov"]
    assert found == {name: await original(alice, id_) for name, id_ in zip(names, ids, strict=True)}


async def test_an_archive_says_what_it_is(alice, add):
    answer = await alice.post(ARCHIVE, {"assetIds": [await add()], "archiveName": "Été"})

    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''%C3%89t%C3%A9.zip"
    assert answer.headers["X-Correlation-ID"]
    with zipfile.ZipFile(io.BytesIO(answer.data)) as opened:
        assert opened.infolist()[0].date_time == (2024, 5, 6, 7, 8, 8)


async def test_the_edited_picture_comes_on_request(alice, add, root, execute):
    photo = await add("a.heic")
    key = f"thumbs/{alice.user['id']}/aa/bb/edited.jpeg"
    path = paths.resolve(root, key)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"edited")
    await execute(
        "INSERT INTO asset_file (asset_id, type, key, is_edited) VALUES (%s, 'fullsize', %s, true)",
        photo,
        key,
    )

    assert await fetch(alice, photo) == {"a.heic": await original(alice, photo)}
    assert await fetch(alice, photo, edited=True) == {"a.jpeg": b"edited"}


async def test_a_file_that_is_gone_is_left_out(alice, add, root, query, caplog):
    gone, there = await add("gone.jpg"), await add("there.jpg")
    (await file_of(root, query, gone)).unlink()

    with caplog.at_level(logging.WARNING):
        assert list(await fetch(alice, gone, there)) == ["there.jpg"]
    assert gone in caplog.text


async def test_a_file_that_breaks_off_breaks_the_archive(alice, add, root, query):
    """What is cut short cannot be taken for all of it."""
    first, broken = await add(), await add()
    path = await file_of(root, query, broken)
    path.unlink()
    path.mkdir()

    with pytest.raises(Exception, match=r"payload|disconnected"):
        await fetch(alice, first, broken)
    assert (await alice.get("/api/users/me")).status == 200


async def test_who_leaves_is_not_read_for_any_more(alice, add, root, query):
    large = await add("a.mov")
    path = await file_of(root, query, large)
    os.truncate(path, 1 << 30)

    async with alice._http.post(
        f"{alice.url}{ARCHIVE}", json={"assetIds": [large]}, headers=alice.headers
    ) as response:
        await response.content.readexactly(1 << 20)
        assert await is_open(path)
        response.close()
    await until(partial(is_open, path), is_met=not_)


async def is_open(path):
    folder = "/proc/self/fd"
    opened = set()
    for name in os.listdir(folder):
        try:
            opened.add(os.readlink(f"{folder}/{name}"))
        except FileNotFoundError:
            continue
    return str(path) in opened


async def test_who_is_cancelled_waits_for_the_block():
    order = []

    async def work():
        await asyncio.sleep(0)
        order.append("done")

    task = asyncio.ensure_future(to_the_end(work()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert order == ["done"]


# --- who may -----------------------------------------------------------------------------------


async def test_others_get_nothing(alice, bob, anonymous, add, new_key, album):
    photo = await add()
    for path in (INFO, ARCHIVE):
        body = {"assetIds": [photo]}
        answer = await bob.post(path, body)
        assert (answer.status, answer.message) == (400, "Not found or no asset.download access")
        assert (await anonymous.post(path, body)).status == 401
        key = await new_key(alice, "asset.read")
        answer = await key.post(path, body)
        message = "Missing required permission: asset.download"
        assert (answer.status, answer.message) == (403, message)
        assert (await (await new_key(alice, "asset.download")).post(path, body)).status < 300
    answer = await bob.post(INFO, {"userId": alice.user["id"]})
    assert (answer.status, answer.message) == (400, "Not found or no timeline.download access")


async def test_one_that_is_not_theirs_refuses_all(alice, bob, add):
    mine, theirs = await add(), await add(client=bob)

    for path in (INFO, ARCHIVE):
        assert (await alice.post(path, {"assetIds": [mine, theirs]})).status == 400


async def test_partners_and_members_may_download(alice, bob, add, album):
    (listed,) = (await ask(bob, albumId=album))["archives"]
    assert list(await fetch(bob, *listed["assetIds"])) == ["a.jpg"]

    photo = await add("b.jpg")
    await alice.post("/api/partners", {"sharedWithId": bob.user["id"]})
    assert list(await fetch(bob, photo)) == ["b.jpg"]
    assert (await bob.post(INFO, {"userId": alice.user["id"]})).status == 400


async def test_what_is_locked_needs_the_code(alice, unlocked, add):
    photo = await add()
    await alice.put(f"/api/assets/{photo}", {"visibility": "locked"})

    for path in (INFO, ARCHIVE):
        assert (await alice.post(path, {"assetIds": [photo]})).status == 400
    safe = await unlocked(alice)
    assert (await ask(safe, assetIds=[photo]))["archives"][0]["assetIds"] == [photo]
    assert list(await fetch(safe, photo)) == ["a.jpg"]


# --- through a link ----------------------------------------------------------------------------


async def test_a_guest_downloads_what_the_link_shows(alice, share, visit, live, add, album):
    still, video = live
    guest = visit(await share(assetIds=[still]))

    (found,) = (await ask(guest, assetIds=[still]))["archives"]
    assert found["assetIds"] == [still, video]
    assert list(await fetch(guest, *found["assetIds"])) == ["IMG_1.jpg", "IMG_1.mov"]
    other = await add()
    for path in (INFO, ARCHIVE):
        assert (await guest.post(path, {"assetIds": [still, other]})).status == 400
    assert (await guest.post(INFO, {"albumId": album})).status == 400
    assert (await guest.post(INFO, {"userId": alice.user["id"]})).status == 400

    guest = visit(await share(albumId=album))
    (found,) = (await ask(guest, albumId=album))["archives"]
    assert list(await fetch(guest, *found["assetIds"])) == ["a.jpg"]


async def test_a_guest_gets_the_picture_as_it_was_edited(alice, share, visit, add, root, execute):
    photo = await add()
    key = paths.fullsize(UUID(alice.user["id"]), UUID(photo))
    path = paths.resolve(root, key)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"edited")
    await execute(
        "INSERT INTO asset_file (asset_id, type, key, is_edited) VALUES (%s, 'fullsize', %s, true)",
        photo,
        key,
    )

    guest = visit(await share(assetIds=[photo]))

    assert await fetch(guest, photo) == {"a.jpeg": b"edited"}
    assert await original(guest, photo) == b"edited"


async def test_a_guest_gets_no_files_where_it_is_off(share, visit, add, album):
    photo = await add()
    guest = visit(await share(assetIds=[photo], allowDownload=False))
    for path in (INFO, ARCHIVE):
        assert (await guest.post(path, {"assetIds": [photo]})).status == 400
    guest = visit(await share(albumId=album, allowDownload=False))
    assert (await guest.post(INFO, {"albumId": album})).status == 400


@pytest.mark.parametrize("name", ["a\r\nSet-Cookie: b=c", 'a"; filename="b', "a\nb", "\u2028"])
async def test_the_name_of_an_archive_says_no_more_than_its_name(alice, add, name):
    body = {"assetIds": [await add()], "archiveName": name}

    answer = await alice.post("/api/download/archive", body)

    assert answer.status == 200
    assert "Set-Cookie" not in answer.headers
    disposition = answer.headers["Content-Disposition"]
    kind, _, encoded = disposition.partition("; filename*=UTF-8''")
    assert (kind, unquote(encoded)) == ("attachment", f"{name}.zip")
    assert not set(encoded) & set('\r\n"; ')
