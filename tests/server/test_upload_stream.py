"""Forms from real sockets to real files: whole, or nothing at all."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import random
import subprocess
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from aiohttp import web

from server import upload
from storage import files, paths
from sync.errors import Invalid

OWNER = UUID("11111111-1111-4111-8111-111111111111")
BOUNDARY = "----WebKitFormBoundaryx7Zq"
PHOTO = random.Random(7).randbytes(300_000)


def part(name: str, content: bytes | str, file_name: str | None = None, more: str = "") -> bytes:
    head = f'Content-Disposition: form-data; name="{name}"'
    if file_name is not None:
        head += f'; filename="{file_name}"'
    content = content.encode() if isinstance(content, str) else content
    return f"--{BOUNDARY}\r\n{head}\r\n{more}\r\n".encode() + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def leftovers(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


class Uploads:
    """A server that keeps each asset it gets, spoken to in bytes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.port = 0
        self.ended: asyncio.Queue[str] = asyncio.Queue()

    async def handle(self, request: web.Request) -> web.Response:
        outcome = "failed"
        try:
            async with upload.receive(request, self.root) as received:
                answer = {"fields": received.fields}
                for name, found in received.files.items():
                    key = paths.original(OWNER, uuid4(), "jpg")
                    await asyncio.to_thread(found.incoming.keep, key, files._EPOCH)
                    answer[name] = {
                        "file_name": found.file_name,
                        "size": found.incoming.size,
                        "sha1": found.incoming.checksum.hex(),
                        "key": key,
                    }
            outcome = "kept"
            return web.json_response(answer)
        except Invalid as refused:
            return web.json_response({"message": str(refused)}, status=400)
        except files.StorageFull as full:
            return web.json_response({"message": str(full)}, status=507)
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        finally:
            self.ended.put_nowait(outcome)

    async def send(
        self, *blocks: bytes, length: int | None = None, content_type: str = ""
    ) -> bytes:
        """The raw answer; the connection is closed after the last block if it is too short."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        length = sum(map(len, blocks)) if length is None else length
        content_type = content_type or f"multipart/form-data; boundary={BOUNDARY}"
        head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\n"
        writer.write(f"{head}Content-Length: {length}\r\nConnection: close\r\n\r\n".encode())
        for block in blocks:
            writer.write(block)
            await writer.drain()
            await asyncio.sleep(0)
        if length > sum(map(len, blocks)):
            writer.close()
        answer = await reader.read()
        writer.close()
        return answer

    async def post(self, *blocks: bytes, content_type: str = "") -> tuple[int, dict]:
        answer = await self.send(*blocks, content_type=content_type)
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body)


@pytest.fixture(params=[False, True], ids=["", "cancelling"])
async def uploads(tmp_path, request):
    served = Uploads(tmp_path / "data")
    app = web.Application()
    app.router.add_post("/", served.handle)
    runner = web.AppRunner(app, handler_cancellation=request.param)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    served.port = runner.addresses[0][1]
    yield served
    await runner.cleanup()


async def test_fields_and_files_in_any_order(uploads):
    status, answer = await uploads.post(
        form(
            part("sidecarData", "<x/>", "a.xmp"),
            part("deviceAssetId", "ignored by others"),
            part("assetData", PHOTO, "temporary", "Content-Type: image/jpeg\r\n"),
            part("unknownFile", PHOTO, "x.bin"),
            part("filename", "Grüße.jpg"),
        )
    )

    assert status == 200
    assert answer["fields"] == {"deviceAssetId": "ignored by others", "filename": "Grüße.jpg"}
    asset = answer["assetData"]
    assert asset["file_name"] == "temporary"
    assert (asset["size"], asset["sha1"]) == (len(PHOTO), hashlib.sha1(PHOTO).hexdigest())
    assert paths.resolve(uploads.root, asset["key"]).read_bytes() == PHOTO
    assert answer["sidecarData"]["size"] == 4
    assert len(leftovers(uploads.root)) == 2


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("Grüße 写真.jpg", "Grüße 写真.jpg"),
        ("a%22b%22.jpg", 'a"b".jpg'),
        (r"a\"b.jpg", 'a"b.jpg'),
        (r"C:\\fakepath\\x.jpg", "x.jpg"),
        (r"C:\fakepath\x.jpg", "x.jpg"),
        ("../../etc/passwd.jpg", "passwd.jpg"),
        ("100%25; name=x.jpg", "100%25; name=x.jpg"),
        ("nul\0.jpg", "nul.jpg"),
        ("", ""),
        ("x.jpg\"; filename*=UTF-8''%e2%82%ac%20.jpg; x=\"", "€ .jpg"),
    ],
)
def test_names_of_parts(sent, expected):
    splitter = upload.Splitter(BOUNDARY.encode())
    head = next(splitter.feed(part("assetData", b"", sent)))
    assert isinstance(head, upload.Head)
    assert (head.name, head.file_name, head.is_file) == ("assetData", expected, True)


def test_a_name_in_latin_1_and_a_token():
    splitter = upload.Splitter(b"B")
    sent = '--B\r\ncontent-disposition:form-data;name=assetData;filename="gr\xfc\xdfe.jpg"\r\n\r\n'
    assert next(splitter.feed(sent.encode("latin-1"))) == upload.Head(
        "assetData", "grüße.jpg", True
    )


def split(body: bytes, cuts: list[int], boundary: bytes) -> tuple[list[bytes], bool]:
    splitter, contents = upload.Splitter(boundary), []
    for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True):
        for found in splitter.feed(body[start:end]):
            if isinstance(found, upload.Head):
                contents.append(b"")
            elif isinstance(found, memoryview):
                contents[-1] += found
    return contents, splitter.complete


NASTY = [
    b"",
    b"\r\n",
    b"\r",
    b"--",
    b"\r\n--",
    b"\r\n--AB\r\n--A",
    b"\n--ABC\r\n",
    b"x\r\n\r\n--ABB\r\r\n--AB-",
    b"--ABC--",
    b"\r\n--AB" * 9,
]


def test_every_cut_gives_the_same_parts():
    body = b"preamble --ABC\r\n\r\n--ABC \t\r\n\r\n"
    body += b"\r\n--ABC\r\nX: y\r\n\r\n".join(NASTY)
    body += b"\r\n--ABC--\r\nepilogue \r\n--ABC\r\n"
    for cut in range(len(body) + 1):
        assert split(body, [cut], b"ABC") == (NASTY, True)
    assert split(body, list(range(1, len(body))), b"ABC") == (NASTY, True)


def test_random_cuts_of_random_parts():
    chance = random.Random(20)
    for _ in range(300):
        # An alphabet of the delimiter's own bytes: nearly a boundary nearly everywhere.
        contents = [
            bytes(chance.choices(b"\r\n-A", k=chance.randrange(40))).replace(b"AA", b"A")
            for _ in range(chance.randrange(1, 6))
        ]
        body = b"".join(b"--AAB\r\n\r\n" + content + b"\r\n" for content in contents) + b"--AAB--"
        cuts = sorted(chance.choices(range(len(body)), k=chance.randrange(12)))
        assert split(body, cuts, b"AAB") == (contents, True)


@pytest.mark.parametrize("content", [*NASTY, PHOTO[:200] + b"\r\n--" + BOUNDARY.encode()[:-1]])
async def test_nasty_contents_arrive_as_they_are(uploads, content):
    body = form(part("assetData", content, "a.jpg"))
    cut = body.index(b"\r\n\r\n") + 4 + len(content) // 2
    status, answer = await uploads.post(body[:cut], body[cut:])
    assert status == 200
    assert paths.resolve(uploads.root, answer["assetData"]["key"]).read_bytes() == content


async def test_a_body_cut_off_anywhere_leaves_nothing(uploads):
    body = form(
        part("fileCreatedAt", "2020-01-01T00:00:00.000Z"),
        part("assetData", PHOTO, "a.jpg"),
        part("sidecarData", "<x/>", "a.xmp"),
    )
    photo = body.index(PHOTO)
    offsets = [0, 1, 10, 60, 90, 130, photo - 30, photo - 1, photo, photo + 1, photo + 150_000]
    offsets += [photo + len(PHOTO) + more for more in (-1, 0, 1, 2, 3, 20, 60, 90, 120)]
    offsets += [len(body) - back for back in (40, 8, 5, 4, 3)]
    assert max(offsets) < len(body)
    for offset in offsets:
        await uploads.send(body[:offset], length=len(body))
        assert await uploads.ended.get() in ("failed", "cancelled"), offset
        assert leftovers(uploads.root) == [], offset


async def test_a_client_that_ends_cleanly_without_the_last_boundary(uploads):
    body = form(part("assetData", PHOTO, "a.jpg"))
    for cut in (body[:-4], body[: -len(BOUNDARY) - 6], body[:200_000], b""):
        assert await uploads.post(cut) == (400, {"message": "Unexpected end of form"})
        assert leftovers(uploads.root) == []


async def test_the_last_line_end_may_be_missing(uploads):
    status, _ = await uploads.post(form(part("assetData", PHOTO, "a.jpg"))[:-2])
    assert status == 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (form(part("assetData", b"x", "a"), part("assetData", b"y", "b")), "Unexpected field"),
        (form(part("assetData", b"x", "a"), part("t", b"x" * 1_048_577)), "Field value too long"),
        (form(part("a", b"x", "a"), *[part("t", b"x" * 300_000)] * 4), "Field value too long"),
        (form(part("assetData", b"x", "a"), *[part("t", "x")] * 64), "Too many parts"),
        (form(part("assetData", b"x", "a" * 20_000)), "Malformed part header"),
        (form(part("assetData", b"x", "a")).replace(b"x7Zq--", b"x7Zqy-"), "Malformed part header"),
    ],
)
async def test_forms_over_the_limits_are_refused(uploads, body, message):
    if message == "Malformed part header" and len(body) > 20_000:
        body = body.replace(b"\r\n\r\n", b"", 1)
    assert await uploads.post(body) == (400, {"message": message})
    assert leftovers(uploads.root) == []


async def test_other_types_of_body(uploads):
    assert await uploads.post(b"{}", content_type="application/json") == (200, {"fields": {}})
    status, answer = await uploads.post(b"x", content_type="multipart/form-data")
    assert (status, answer) == (400, {"message": "Multipart: Boundary not found"})
    quoted = form(part("a", "b")).replace(BOUNDARY.encode(), b"a b:c")
    answer = await uploads.post(quoted, content_type='Multipart/Form-Data; boundary="a b:c"')
    assert answer == (200, {"fields": {"a": "b"}})


async def test_text_that_is_no_text(uploads):
    body = form(part("latin", b"gr\xfc\xdfe"), part("nul", b"a\0b"), part("twice", "1"))
    status, answer = await uploads.post(body[: -len(BOUNDARY) - 6] + form(part("twice", "2")))
    assert (status, answer["fields"]) == (200, {"latin": "grüße", "nul": "ab", "twice": "2"})


async def test_what_the_handler_does_not_keep_is_discarded(
    tmp_path, aiohttp_server, aiohttp_client
):
    async def refuse(request: web.Request) -> web.Response:
        async with upload.receive(request, tmp_path, file_parts=["file"]) as received:
            assert received.asset is None and received.files["file"].incoming.size == len(PHOTO)
            assert len(leftovers(tmp_path)) == 1
            raise web.HTTPBadRequest

    app = web.Application()
    app.router.add_post("/", refuse)
    client = await aiohttp_client(await aiohttp_server(app))
    answer = await client.post("/", data={"file": io.BytesIO(PHOTO)})
    assert answer.status == 400
    assert leftovers(tmp_path) == []


async def test_cancelling_an_upload_leaves_nothing(uploads):
    """The connection breaks while blocks are being written."""
    body = form(part("assetData", PHOTO * 20, "a.jpg"))
    _, writer = await asyncio.open_connection("127.0.0.1", uploads.port)
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}"
    writer.write(f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body[:-1])
    await writer.drain()
    writer.transport.abort()
    assert await uploads.ended.get() in ("failed", "cancelled")
    assert leftovers(uploads.root) == []


async def test_fifty_uploads_at_once(uploads):
    async def one(number: int) -> None:
        content = random.Random(number).randbytes(200_000 + number)
        body = form(part("filename", str(number)), part("assetData", content, "a.jpg"))
        status, answer = await uploads.post(body[:70_000], body[70_000:])
        assert (status, answer["fields"]) == (200, {"filename": str(number)})
        assert answer["assetData"]["sha1"] == hashlib.sha1(content).hexdigest()
        assert paths.resolve(uploads.root, answer["assetData"]["key"]).read_bytes() == content

    await asyncio.gather(*map(one, range(50)))
    assert len(leftovers(uploads.root)) == 50


async def test_a_full_disk(uploads):
    uploads.root.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(uploads.root)]
    if (await asyncio.to_thread(subprocess.run, mount, capture_output=True)).returncode:
        pytest.skip("only root may mount a small volume")
    try:
        status, _ = await uploads.post(form(part("assetData", PHOTO * 8, "a.jpg")))
        assert status == 507
        assert leftovers(uploads.root) == []
        assert (await uploads.post(form(part("assetData", PHOTO, "a.jpg"))))[0] == 200
    finally:
        await asyncio.to_thread(subprocess.run, ["umount", str(uploads.root)], check=True)


async def test_a_chunked_body_in_tiny_pieces(uploads):
    body = form(part("assetData", PHOTO[:5000], "a.jpg"))
    reader, writer = await asyncio.open_connection("127.0.0.1", uploads.port)
    writer.write(
        b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Type: multipart/form-data; boundary=" + BOUNDARY.encode() + b"\r\n\r\n"
    )
    for at in range(0, len(body), 7):
        writer.write(b"%x\r\n" % len(body[at : at + 7]) + body[at : at + 7] + b"\r\n")
    writer.write(b"0\r\n\r\n")
    answer = json.loads((await reader.read()).partition(b"\r\n\r\n")[2])
    writer.close()
    assert answer["assetData"]["sha1"] == hashlib.sha1(PHOTO[:5000]).hexdigest()


async def test_no_descriptor_stays_open(uploads):
    async def requests() -> int:
        body = form(part("assetData", PHOTO, "a.jpg"))
        await uploads.post(body)
        await uploads.post(body[:-5])
        await uploads.send(body[:99_000], length=len(body))
        for _ in range(3):
            await uploads.ended.get()
        return len([fd for fd in os.listdir("/proc/self/fd") if is_file(fd)])

    def is_file(fd: str) -> bool:
        try:
            return os.readlink(f"/proc/self/fd/{fd}").startswith(str(uploads.root))
        except FileNotFoundError:
            return False

    assert await requests() == 0
