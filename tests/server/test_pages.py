"""A built web client is served as it expects; nothing else of the disk, and never under /api."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from server.app import build_app
from server.context import Context
from sync.config import Config
from sync.operations import system

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def build(tmp_path_factory):
    """What a build of the web client leaves."""
    folder = tmp_path_factory.mktemp("web") / "build"
    for name, text in {
        "index.html": "<p>the client</p>",
        "favicon.svg": "<svg/>",
        "manifest.webmanifest": "{}",
        "_app/immutable/entry/start.a1b2.js": "let a = 1;",
        "_app/immutable/entry/start.a1b2.js.br": "brotli",
        "_app/immutable/entry/start.a1b2.js.gz": "gzip",
        "_app/immutable/assets/app.c3.css": "p {}",
        "_app/version.json": "{}",
        "fonts/a.woff2": "font",
        ".secret": "not for you",
        "api/trap": "trap",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder.parent / "outside.txt").write_text("not for you")
    (folder / "link.txt").symlink_to("../outside.txt")
    (folder / "loop").symlink_to("loop")
    return folder


@pytest.fixture
async def web(database, root, build, anonymous):
    """A client of a server that serves the build."""
    async with TestServer(build_app(Context(database, root, build, Config()))) as serving:
        client = anonymous.using()
        client.url = str(serving.make_url("")).rstrip("/")
        yield client


async def get_raw(url: str, path: str) -> bytes:
    """The answer to a path that no client library would send as it is."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.mark.parametrize("path", ["/", "/photos", "/albums/1/photos/2", "/share/a.b", "/api-keys"])
async def test_every_place_in_the_client_is_its_one_page(web, path):
    answer = await web.call("GET", path, headers=HTML)

    assert (answer.status, answer.data) == (200, b"<p>the client</p>")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    ("path", "type_"),
    [
        ("/favicon.svg", "image/svg+xml"),
        ("/manifest.webmanifest", "application/manifest+json"),
        ("/_app/immutable/assets/app.c3.css", "text/css; charset=utf-8"),
        ("/_app/immutable/entry/start.a1b2.js", "text/javascript; charset=utf-8"),
        ("/fonts/a.woff2", "font/woff2"),
    ],
)
async def test_files_have_the_types_that_browsers_ask_for(web, path, type_):
    answer = await web.call("GET", path, headers={"Accept-Encoding": "identity"})

    assert (answer.status, answer.headers["Content-Type"]) == (200, type_)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_what_is_named_after_its_content_is_kept_for_ever(web):
    hashed = await web.get("/_app/immutable/assets/app.c3.css")
    other = await web.get("/_app/version.json")
    again = await web.call(
        "GET", "/_app/version.json", headers={"If-None-Match": other.headers["ETag"]}
    )

    assert "immutable" in hashed.headers["Cache-Control"]
    assert other.headers["Cache-Control"] == "no-cache"
    assert (again.status, again.data) == (304, b"")


@pytest.mark.parametrize(
    ("accepted", "encoding", "data"),
    [
        ("gzip, deflate, br", "br", b"brotli"),
        ("gzip", "gzip", b"gzip"),
        ("br;q=0, gzip;q=0.5", "gzip", b"gzip"),
        ("identity", None, b"let a = 1;"),
    ],
)
async def test_what_was_compressed_before_is_sent_so(web, accepted, encoding, data):
    async with (
        aiohttp.ClientSession(auto_decompress=False) as http,
        http.get(
            f"{web.url}/_app/immutable/entry/start.a1b2.js", headers={"Accept-Encoding": accepted}
        ) as answer,
    ):
        assert answer.headers.get("Content-Encoding") == encoding
        assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert await answer.read() == data


@pytest.mark.parametrize("path", ["/_app/immutable/gone.js", "/gone.png"])
async def test_a_missing_file_is_not_the_page(web, path):
    answer = await web.call("GET", path, headers={"Accept": "*/*"})

    assert answer.status == 404


async def test_a_missing_script_is_no_page_even_where_one_is_accepted(web):
    answer = await web.call("GET", "/_app/immutable/gone.js", headers=HTML)

    assert answer.status == 404


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/nothing", "/api/trap", "/API/x"])
@pytest.mark.parametrize("has_client", [True, False])
async def test_what_is_unknown_under_api_is_json(web, anonymous, path, has_client):
    client = web if has_client else anonymous
    answer = await client.call("GET", path, headers=HTML)

    assert (answer.status, answer.message) == (404, f"Cannot GET {path}")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_nothing_is_written_to_pages(web, method):
    answer = await web.call(method, "/photos")

    assert (answer.status, answer.message) == (404, f"Cannot {method} /photos")


@pytest.mark.parametrize(
    "path",
    [
        "/../outside.txt",
        "/%2e%2e/outside.txt",
        "/_app/../../outside.txt",
        "/_app/%2e%2e/%2e%2e/outside.txt",
        "/_app/..%2f..%2foutside.txt",
        "/..%5coutside.txt",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
        "/link.txt",
        "/loop",
        "/.secret",
        "/favicon.svg%00.html",
    ],
)
async def test_nothing_outside_the_folder_is_served(web, path):
    answer = await get_raw(web.url, path)

    assert b"not for you" not in answer
    assert b"root:" not in answer
    assert answer.split()[1] in (b"200", b"400", b"404")


async def test_apps_find_the_api(web, anonymous):
    for client in (web, anonymous):
        answer = await client.get("/.well-known/immich")
        assert (answer.status, answer.json) == (200, {"api": {"endpoint": "/api"}})
        assert answer.headers["Content-Type"] == "application/json"


async def test_the_style_of_the_administrator(database, server, anonymous, open_socket, alice):
    assert (await anonymous.get("/custom.css")).data == b""

    listening = await open_socket(anonymous.url, **alice.headers)
    async with database.write() as tx:
        await system.change_config(tx, {"theme.customCss": "p { color: red }"})
    await listening.next("on_config_update")

    answer = await anonymous.get("/custom.css")
    assert answer.data == b"p { color: red }"
    assert answer.headers["Content-Type"] == "text/css; charset=utf-8"


# Without a web client


async def test_the_page_of_a_new_server_says_how_to_begin(anonymous):
    answer = await anonymous.get("/")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    page = answer.data.decode()
    assert "heliograph user create --admin" in page
    assert f"immich login {anonymous.url}/api YOUR_KEY" in page
    assert "$" not in page


async def test_the_page_needs_nothing_from_elsewhere(anonymous):
    answer = await anonymous.get("/")

    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    for mark in (b"<script", b"src=", b"@import", b"url("):
        assert mark not in answer.data


async def test_the_page_names_the_address_the_visitor_used(anonymous, admin):
    headers = {"Host": "photos.example.org", "X-Forwarded-Proto": "https"}
    page = (await anonymous.call("GET", "/", headers=headers)).data.decode()

    assert "https://photos.example.org" in page
    assert "HELIOGRAPH_HOST" not in page
    assert "user create --admin" not in page


async def test_what_a_visitor_sends_is_never_markup(anonymous):
    headers = {"Host": "a<script>", "X-Forwarded-Proto": "javascript"}
    answer = await anonymous.call("GET", "/", headers=headers)

    assert b"<script" not in answer.data
    assert b"javascript:" not in answer.data


async def test_only_who_is_logged_in_sees_what_is_there(alice, anonymous):
    token = alice.headers["Authorization"].removeprefix("Bearer ")
    mine = await anonymous.call("GET", "/", headers={"Cookie": f"immich_access_token={token}"})
    theirs = await anonymous.get("/")

    assert b"Your photos" in mine.data
    assert b"Your photos" not in theirs.data


async def test_there_are_no_other_pages(anonymous):
    answer = await anonymous.call("GET", "/photos", headers=HTML)

    assert (answer.status, answer.message) == (404, "Cannot GET /photos")
