"""Files over HTTP: ranges, conditions, names."""

from __future__ import annotations

import os
from email.utils import formatdate
from pathlib import Path

import pytest
from aiohttp import ClientPayloadError, web

from server import byte_responses
from storage import media_types
from sync.errors import Missing

DATA = bytes(range(256)) * 1000
MODIFIED = 1_600_000_000.75
LAST_MODIFIED = formatdate(1_600_000_000, usegmt=True)


@pytest.fixture(params=[256_000, 1_000], ids=["sendfile", "small"])
def data(request):
    return DATA[: request.param]


@pytest.fixture
def picture(tmp_path, data) -> Path:
    path = tmp_path / "picture.bin"
    path.write_bytes(data)
    os.utime(path, (MODIFIED, MODIFIED))
    return path


@pytest.fixture
async def client(picture, aiohttp_client):
    async def show(request: web.Request) -> web.StreamResponse:
        try:
            return await byte_responses.file_response(
                request,
                picture.parent / request.match_info["name"],
                media_type=request.query.get("type", "image/jpeg"),
                missing="Not Found",
                file_name=request.query.get("file_name"),
                etag=request.query.get("etag", "abc"),
            )
        except Missing as refused:
            return web.json_response({"message": str(refused)}, status=404)

    app = web.Application()
    app.router.add_get("/{name}", show)
    return await aiohttp_client(app)


async def test_the_whole_file(client, data):
    answer = await client.get("/picture.bin")

    assert answer.status == 200
    assert await answer.read() == data
    assert answer.headers["Content-Length"] == str(len(data))
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["ETag"] == '"abc"'
    assert answer.headers["Last-Modified"] == LAST_MODIFIED
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Cache-Control"] == byte_responses.MEDIA_CACHE
    assert "Content-Disposition" not in answer.headers


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-1", 0, 2),
        ("bytes=0-0", 0, 1),
        ("bytes=10-", 10, None),
        ("bytes=-7", -7, None),
        ("bytes=-999999999", 0, None),
        ("bytes=5-999999999", 5, None),
        ("BYTES= 5 - 9 ", 5, 10),
        ("bytes=0-", 0, None),
    ],
)
async def test_one_range_is_a_part(client, data, asked, start, end):
    answer = await client.get("/picture.bin", headers={"Range": asked})
    part = data[start:end]

    assert answer.status == 206
    assert await answer.read() == part
    first = data.index(part) if start else 0
    first = len(data) + start if start < 0 else first
    assert answer.headers["Content-Range"] == (f"bytes {first}-{first + len(part) - 1}/{len(data)}")
    assert answer.headers["Content-Length"] == str(len(part))


@pytest.mark.parametrize("asked", ["bytes=256000-", "bytes=-0", "bytes=9-5"])
async def test_a_range_outside_is_unsatisfiable(client, data, asked):
    answer = await client.get("/picture.bin", headers={"Range": asked})
    assert answer.status == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(data)}"
    assert await answer.read() == b""


@pytest.mark.parametrize(
    "asked",
    ["bytes=0-1,5-6", "bytes=-", "lines=1-2", "bytes", "bytes=a-b", "bytes=" + "9" * 5000 + "-"],
)
async def test_what_is_no_single_range_gets_the_whole(client, data, asked):
    answer = await client.get("/picture.bin", headers={"Range": asked})
    assert answer.status == 200
    assert await answer.read() == data


async def test_head_tells_the_length_and_sends_nothing(client, data):
    answer = await client.head("/picture.bin", headers={"Range": "bytes=0-1"})
    assert answer.status == 200
    assert answer.headers["Content-Length"] == str(len(data))
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert await answer.read() == b""
    assert (await client.get("/picture.bin")).status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-None-Match": '"abc"'}, 304),
        ({"If-None-Match": '"x", W/"abc"'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"other"'}, 200),
        ({"If-None-Match": '"other"', "If-Modified-Since": LAST_MODIFIED}, 200),
        ({"If-Modified-Since": LAST_MODIFIED}, 304),
        ({"If-Modified-Since": formatdate(MODIFIED - 5, usegmt=True)}, 200),
        ({"If-Modified-Since": "yesterday"}, 200),
        ({"If-Match": '"abc"'}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": 'W/"abc"'}, 412),
        ({"If-Match": '"other"'}, 412),
        ({"If-Unmodified-Since": LAST_MODIFIED}, 200),
        ({"If-Unmodified-Since": formatdate(MODIFIED - 5, usegmt=True)}, 412),
        ({"If-None-Match": '"abc"', "Range": "bytes=0-1"}, 304),
        ({"If-Range": '"abc"', "Range": "bytes=0-1"}, 206),
        ({"If-Range": LAST_MODIFIED, "Range": "bytes=0-1"}, 206),
        ({"If-Range": '"other"', "Range": "bytes=0-1"}, 200),
        ({"If-Range": 'W/"abc"', "Range": "bytes=0-1"}, 200),
        ({"If-Range": formatdate(MODIFIED + 5, usegmt=True), "Range": "bytes=0-1"}, 200),
        ({"If-Range": '"other"', "Range": "bytes=999999999-"}, 200),
    ],
)
async def test_conditions(client, data, headers, status):
    answer = await client.get("/picture.bin", headers=headers)
    assert answer.status == status
    assert await answer.read() == {200: data, 206: data[:2]}.get(status, b"")
    assert answer.headers["ETag"] == '"abc"'
    assert answer.headers["Cache-Control"] == byte_responses.MEDIA_CACHE


async def test_without_an_etag_size_and_date_make_one(client, picture):
    def tag(answer):
        return answer.headers["ETag"]

    first = tag(await client.get("/picture.bin?etag="))
    os.utime(picture, (MODIFIED, MODIFIED + 0.001))
    assert tag(await client.get("/picture.bin?etag=")) != first


@pytest.mark.parametrize(
    ("file_name", "encoded"),
    [
        ("IMG_1.jpg", "IMG_1.jpg"),
        ("Müller & Söhne (1).jpg", "M%C3%BCller%20%26%20S%C3%B6hne%20%281%29.jpg"),
        ('a"b;\r\nSet-Cookie: x=1', "a%22b%3B%0D%0ASet-Cookie%3A%20x%3D1"),
        ("it's 100%*.jpg", "it%27s%20100%25%2A.jpg"),
    ],
)
async def test_names_are_encoded_and_inject_no_header(client, file_name, encoded):
    answer = await client.get("/picture.bin", params={"file_name": file_name})
    assert answer.headers["Content-Disposition"] == f"inline; filename*=UTF-8''{encoded}"
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("type_", ["image/svg+xml", media_types.mime_type("a.xmp")])
async def test_nothing_is_guessed_or_run_by_the_browser(client, type_):
    answer = await client.get("/picture.bin", params={"type": type_})
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox;")


async def test_a_missing_file_and_a_folder(client, tmp_path):
    (tmp_path / "folder").mkdir()
    for name in ("nothing", "folder", "picture.bin%2Fx"):
        answer = await client.get(f"/{name}")
        assert answer.status == 404
        assert await answer.json() == {"message": "Not Found"}


async def test_an_empty_file(client, tmp_path):
    (tmp_path / "empty").touch()
    answer = await client.get("/empty")
    assert (answer.status, answer.headers["Content-Length"]) == (200, "0")
    assert (await client.get("/empty", headers={"Range": "bytes=0-"})).status == 416


async def test_beyond_four_gigabytes(client, tmp_path):
    big, size = tmp_path / "big", (5 << 30) + 3
    with big.open("wb") as file:
        file.truncate(size - 3)
        file.seek(0, os.SEEK_END)
        file.write(b"end")

    answer = await client.get("/big", headers={"Range": f"bytes={size - 3}-"})
    assert (answer.status, await answer.read()) == (206, b"end")
    assert answer.headers["Content-Range"] == f"bytes {size - 3}-{size - 1}/{size}"
    answer = await client.get(
        "/big", headers={"Range": f"bytes={(4 << 30) - 9}-{(4 << 30) + 90_000}"}
    )
    assert await answer.read() == bytes(90_010)
    assert (await client.head("/big")).headers["Content-Length"] == str(size)


async def test_no_descriptor_stays_open(client, data):
    async def requests() -> int:
        for headers in ({}, {"Range": "bytes=0-1"}, {"If-None-Match": "*"}, {"Range": "bytes=9-5"}):
            await (await client.get("/picture.bin", headers=headers)).read()
            await client.head("/picture.bin", headers=headers)
        return len(os.listdir("/proc/self/fd"))

    assert await requests() == await requests()


async def test_a_file_that_shrinks_breaks_the_connection(picture, aiohttp_client):
    """A short answer that looked whole would be kept as the picture."""
    picture.write_bytes(DATA)

    async def show(request: web.Request) -> web.StreamResponse:
        answer = await byte_responses.file_response(
            request, picture, media_type="image/jpeg", missing="Not Found"
        )
        os.truncate(picture, 100_000)
        return answer

    app = web.Application()
    app.router.add_get("/", show)
    client = await aiohttp_client(app)
    with pytest.raises(ClientPayloadError):
        await (await client.get("/")).read()
