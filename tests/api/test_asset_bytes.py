"""Originals, thumbnails and playback: whole, in parts, or not at all."""

from __future__ import annotations

from hashlib import sha1
from uuid import UUID, uuid4

import pytest

from storage import files, paths
from sync.operations import renditions
from sync.operations.rendition_files import File

PHOTO = b"\xff\xd8\xff" + bytes(range(256)) * 400
VIDEO = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 400
THUMBNAIL, PREVIEW, FULLSIZE = b"RIFF thumbnail", b"\xff\xd8 preview", b"\xff\xd8 full size"
CACHE = (
    "private, max-age=86400, no-transform, stale-while-revalidate=2592000, stale-if-error=2592000"
)
KINDS = ["original", "thumbnail", "video/playback"]


@pytest.fixture
async def photo(alice):
    return (await alice.upload(PHOTO, 'Été "1".JPG')).json["id"]


@pytest.fixture
async def video(alice):
    return (await alice.upload(VIDEO, "a.MOV")).json["id"]


@pytest.fixture
def render(alice, database, root):
    """Store pictures of an asset as the worker does."""

    async def render(asset_id, thumbnail=THUMBNAIL):
        owner_id = UUID(alice.user["id"])
        small = paths.thumbnail(owner_id, UUID(asset_id))
        large = paths.preview(owner_id, UUID(asset_id))
        files.write_atomically(root, small, thumbnail, durable=False)
        files.write_atomically(root, large, PREVIEW, durable=False)
        async with database.write() as tx:
            await renditions.record_thumbnail(
                tx, UUID(asset_id), thumbhash=b"1234", width=4, height=3,
                files={
                    "thumbnail": File(small, len(thumbnail)), "preview": File(large, len(PREVIEW)),
                },
            )  # fmt: skip

    return render


async def test_an_original_comes_as_it_went(alice, photo):
    answer = await alice.get(f"/api/assets/{photo}/original", edited="true")

    assert (answer.status, answer.data) == (200, PHOTO)
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Content-Length"] == str(len(PHOTO))
    assert answer.headers["Content-Disposition"] == (
        "inline; filename*=UTF-8''%C3%89t%C3%A9%20%221%22.JPG"
    )
    assert answer.headers["ETag"] == f'"{sha1(PHOTO).hexdigest()}"'
    assert answer.headers["Cache-Control"] == CACHE
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Last-Modified"] == "Mon, 06 May 2024 07:08:09 GMT"
    assert answer.headers["X-Correlation-ID"]


async def test_a_video_is_played_in_parts(alice, video):
    path = f"/api/assets/{video}/video/playback"

    probe = await alice.call("GET", path, headers={"Range": "bytes=0-1"})
    assert (probe.status, probe.data) == (206, VIDEO[:2])
    assert probe.headers["Content-Range"] == f"bytes 0-1/{len(VIDEO)}"
    assert probe.headers["Content-Type"] == "video/quicktime"
    rest = await alice.call("GET", path, headers={"Range": "bytes=100000-"})
    assert (rest.status, rest.data) == (206, VIDEO[100_000:])
    beyond = await alice.call("GET", path, headers={"Range": f"bytes={len(VIDEO)}-"})
    assert beyond.status == 416
    whole = await alice.get(path)
    assert (whole.status, whole.data) == (200, VIDEO)


@pytest.mark.parametrize("kind", KINDS)
async def test_head_tells_of_the_file_without_it(alice, video, render, kind):
    await render(video)
    path = f"/api/assets/{video}/{kind}"

    head, whole = await alice.call("HEAD", path), await alice.get(path)

    assert (head.status, head.data) == (200, b"")
    for name in ("Content-Length", "Content-Type", "ETag", "Last-Modified", "Accept-Ranges"):
        assert head.headers[name] == whole.headers[name]


@pytest.mark.parametrize("kind", KINDS)
async def test_what_a_client_has_is_not_sent_again(alice, video, render, kind):
    await render(video)
    path = f"/api/assets/{video}/{kind}"
    etag = (await alice.get(path)).headers["ETag"]

    answer = await alice.call("GET", path, headers={"If-None-Match": etag})

    assert (answer.status, answer.data) == (304, b"")
    other = await alice.call("GET", path, headers={"If-None-Match": '"other"'})
    assert other.status == 200


async def test_a_thumbnail_has_its_name_and_type(alice, photo, render):
    await render(photo)
    path = f"/api/assets/{photo}/thumbnail"

    small = await alice.get(path, c="AbC=", edited="true")
    assert (small.status, small.data) == (200, THUMBNAIL)
    assert small.headers["Content-Type"] == "image/webp"
    assert small.headers["Content-Disposition"].endswith("%221%22_thumbnail.webp")
    assert small.headers["Cache-Control"] == CACHE
    assert (await alice.get(path, size="thumbnail")).data == THUMBNAIL
    large = await alice.get(path, size="preview")
    assert (large.status, large.data) == (200, PREVIEW)
    assert large.headers["Content-Type"] == "image/jpeg"
    assert large.headers["Content-Disposition"].endswith("%221%22_preview.jpeg")


async def test_a_thumbnail_made_anew_is_sent_again(alice, photo, render):
    await render(photo)
    path = f"/api/assets/{photo}/thumbnail"
    etag = (await alice.get(path)).headers["ETag"]

    await render(photo, b"RIFF, again")

    answer = await alice.call("GET", path, headers={"If-None-Match": etag})
    assert (answer.status, answer.data) == (200, b"RIFF, again")


@pytest.mark.parametrize(
    ("name", "query", "target"),
    [
        ("a.jpg", "size=fullsize&c=A%2Bb%3D&x=%C3%A9", "original?c=A%2Bb%3D&x=%C3%A9"),
        ("a.jpg", "size=fullsize&edited=false", "original?edited=false"),
        ("a.jpg", "size=fullsize&edited=true", "thumbnail?edited=true&size=preview"),
        ("a.heic", "size=fullsize&c=1", "thumbnail?c=1&size=preview"),
        ("a.mp4", "size=fullsize", "thumbnail?size=preview"),
        ("a.heic", "edited=true&size=original", "original?edited=true"),
    ],
)  # fmt: skip
async def test_another_size_is_next_door(alice, name, query, target):
    asset_id = (await alice.upload(PHOTO, name)).json["id"]

    answer = await alice.call("GET", f"/api/assets/{asset_id}/thumbnail?{query}")

    assert answer.status == 302
    assert answer.headers["Location"] == target


async def test_a_full_size_copy_is_sent_where_there_is_one(alice, database, root):
    asset_id = UUID((await alice.upload(PHOTO, "a.heic")).json["id"])
    key = paths.fullsize(UUID(alice.user["id"]), asset_id)
    files.write_atomically(root, key, FULLSIZE, durable=False)
    async with database.write() as tx:
        await tx.execute(
            "INSERT INTO asset_file (asset_id, type, key) VALUES (%s, 'fullsize', %s)",
            [asset_id, key],
        )

    answer = await alice.get(f"/api/assets/{asset_id}/thumbnail", size="fullsize")

    assert (answer.status, answer.data) == (200, FULLSIZE)
    assert answer.headers["Content-Disposition"].endswith("a_fullsize.jpeg")


async def test_a_transcoded_video_is_played_instead(alice, video, database, root):
    owner_id = alice.user["id"]
    key = f"thumbs/{owner_id}/{video[:2]}/{video[2:4]}/{video}.mp4"
    files.write_atomically(root, key, b"transcoded", durable=False)
    async with database.write() as tx:
        await tx.execute(
            "INSERT INTO asset_file (asset_id, type, key) VALUES (%s, 'encoded_video', %s)",
            [UUID(video), key],
        )

    answer = await alice.get(f"/api/assets/{video}/video/playback")

    assert (answer.data, answer.headers["Content-Type"]) == (b"transcoded", "video/mp4")
    assert (await alice.get(f"/api/assets/{video}/original")).data == VIDEO


@pytest.mark.parametrize("size", ["thumbnail", "preview"])
async def test_a_picture_that_is_not_made_yet(alice, photo, size):
    answer = await alice.get(f"/api/assets/{photo}/thumbnail", size=size)

    assert (answer.status, answer.json) == (404, {"message": "Asset media not found"})


async def test_files_that_are_gone_are_not_found(alice, video, render, root):
    await render(video)
    for path in list(root.rglob("*.*")):
        if path.is_file():
            path.unlink()

    messages = [(await alice.get(f"/api/assets/{video}/{kind}")) for kind in KINDS]

    assert [one.status for one in messages] == [404, 404, 404]
    assert [one.message for one in messages] == ["Not Found", "Asset media not found", "Not Found"]


async def test_a_photo_is_not_played(alice, photo):
    answer = await alice.get(f"/api/assets/{photo}/video/playback")

    assert (answer.status, answer.json) == (404, {"message": "Not Found"})


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("thumbnail?size=huge", "size"),
        ("thumbnail?edited=1", "edited"),
        ("original?edited=True", "edited"),
    ],
)
async def test_a_wrong_question_is_named(alice, photo, path, field):
    answer = await alice.get(f"/api/assets/{photo}/{path}")

    assert (answer.status, answer.json["errors"][0]["path"]) == (400, [field])


REFUSALS = {
    "original": (404, "Not Found"),
    "thumbnail": (400, "Not found or no asset.view access"),
    "video/playback": (404, "Not Found"),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_nobody_else_sees_anything(alice, bob, anonymous, new_key, video, render, kind):
    await render(video)
    path = f"/api/assets/{video}/{kind}"

    for answer in (await bob.get(path), await alice.get(f"/api/assets/{uuid4()}/{kind}")):
        assert (answer.status, answer.message) == REFUSALS[kind]
    nobodys = await anonymous.get(path)
    assert (nobodys.status, nobodys.message) == (401, "Authentication required")
    needed = "asset.download" if kind == "original" else "asset.view"
    refused = await (await new_key(alice, "asset.read")).get(path)
    assert (refused.status, refused.message) == (403, f"Missing required permission: {needed}")
    assert (await (await new_key(alice, needed)).get(path)).status == 200


@pytest.mark.parametrize("kind", KINDS)
async def test_the_locked_folder_shows_nothing(alice, unlocked, video, render, kind):
    await render(video)
    await alice.put(f"/api/assets/{video}", {"visibility": "locked"})
    path = f"/api/assets/{video}/{kind}"

    answer = await alice.get(path)

    assert (answer.status, answer.message) == REFUSALS[kind]
    assert (await (await unlocked(alice)).get(path)).status == 200


@pytest.mark.parametrize("kind", KINDS)
async def test_cookies_and_queries_are_enough(alice, anonymous, video, render, kind):
    await render(video)
    path, token = f"/api/assets/{video}/{kind}", _token(alice)

    cookie = anonymous.using(Cookie=f"immich_access_token={token}")
    assert (await cookie.get(path)).status == 200
    assert (await anonymous.get(path, sessionKey=token)).status == 200


def _token(client) -> str:
    return client.headers["Authorization"].removeprefix("Bearer ")
