"""What is served outside /api: a built web client, or a small page of ours."""

from __future__ import annotations

import asyncio
import time
from html import escape
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from aiohttp import web

from server.authentication import authenticate
from server.byte_responses import file_response
from server.context import CONTEXT, VERSION, Context
from server.endpoint import json_response
from server.wire.system import format_version
from sql import reads
from sync.errors import Unauthenticated

INDEX = "index.html"
# A build names these after their content; all else is asked for again, and answered by its ETag.
HASHED = ("_app", "immutable")
FOREVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
ENCODINGS = {"br": ".br", "gzip": ".gz"}  # best first; a build may hold these beside its files
# Browsers refuse scripts and styles of any other type; the system's own table may be another.
TYPES = {
    ".avif": "image/avif",
    ".css": "text/css; charset=utf-8",
    ".gif": "image/gif",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".map": "application/json; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".mp4": "video/mp4",
    ".otf": "font/otf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".xml": "application/xml; charset=utf-8",
}
HOME_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
NO_ADMINISTRATOR = """<section class="card first">
<h2>First of all</h2>
<p>Nobody can log in yet. Make the administrator, in the folder of the server:</p>
<pre><code>.venv/bin/heliograph user create --admin you@example.org</code></pre>
</section>"""
LOG_IN = "Log in with your e-mail and password, then choose the albums to back up."
OUT_OF_REACH = """A phone cannot reach this address. Start the server with
<code>HELIOGRAPH_HOST=0.0.0.0</code>, and open this page again under the name or address that this
machine has in your network."""
LOCAL = ("localhost", "127.0.0.1", "::1")


def routes(context: Context) -> list[web.RouteDef]:
    """The last routes: what no other one takes is a file, or a place within the web client."""
    catch_all = _Files(context.web_root).answer if context.web_root else _Home().answer
    return [
        web.get("/.well-known/immich", _point_to_api),
        web.get("/custom.css", _custom_css),
        web.get("/{path:.*}", catch_all),
    ]


async def _point_to_api(_: web.Request) -> web.Response:
    return json_response({"api": {"endpoint": "/api"}})


async def _custom_css(request: web.Request) -> web.Response:
    return web.Response(
        text=request.app[CONTEXT].config.theme.custom_css,
        content_type="text/css",
        charset="utf-8",
        headers={"Cache-Control": ASK_AGAIN},
    )


class _Files:
    """Files below a folder, and the one page for every place within the client."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def answer(self, request: web.Request) -> web.StreamResponse:
        parts = request.match_info["path"].split("/")
        if _is_api(parts):
            raise web.HTTPNotFound
        found = await asyncio.to_thread(self._find, parts)
        if found is None and _is_place(request, parts):
            parts = [INDEX]
            found = await asyncio.to_thread(self._find, parts)
        if found is None:
            raise web.HTTPNotFound
        is_hashed = tuple(parts[:2]) == HASHED
        return await self._send(request, found, FOREVER if is_hashed else ASK_AGAIN)

    def _find(self, parts: list[str]) -> Path | None:
        """The file of a path, if it lies in the folder whichever way links lead."""
        if any(not part or part.startswith(".") or "\\" in part or "\0" in part for part in parts):
            return None
        try:
            path = self._root.joinpath(*parts).resolve(strict=True)
        except (OSError, RuntimeError):
            return None
        is_inside = path.is_relative_to(self._root.resolve())
        return path if is_inside and path.is_file() else None

    async def _send(
        self, request: web.Request, path: Path, cache_control: str
    ) -> web.StreamResponse:
        encoding, encoded = await asyncio.to_thread(_find_encoded, request, path)
        response = await file_response(
            request,
            encoded,
            media_type=TYPES.get(path.suffix.lower(), "application/octet-stream"),
            missing="Not Found",
            cache_control=cache_control,
        )
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["X-Content-Type-Options"] = "nosniff"
        if encoding:
            response.headers["Content-Encoding"] = encoding
        return response


def _find_encoded(request: web.Request, path: Path) -> tuple[str | None, Path]:
    accepted = {
        coding.strip().lower()
        for coding, _, weight in (
            one.partition(";") for one in request.headers.get("Accept-Encoding", "").split(",")
        )
        if weight.replace(" ", "") not in ("q=0", "q=0.0")
    }
    for encoding, suffix in ENCODINGS.items():
        encoded = path.with_name(path.name + suffix)
        if encoding in accepted and encoded.is_file():
            return encoding, encoded
    return None, path


def _is_api(parts: list[str]) -> bool:
    """Never a page: clients expect JSON there, and take a page for an answer."""
    return parts[0].lower() == "api"


def _is_place(request: web.Request, parts: list[str]) -> bool:
    """Something a person may have typed or followed, not a file that is missing."""
    accept = request.headers.get("Accept", "*/*")
    if "text/html" in accept:
        return tuple(parts[:2]) != HASHED
    return "*/*" in accept and "." not in parts[-1]


class _Home:
    """What this is, and how to connect. Strangers learn nothing of what is in it."""

    def __init__(self) -> None:
        self._template = Template(resources.files("server").joinpath("home.html").read_text())
        self._started = time.monotonic()

    async def answer(self, request: web.Request) -> web.Response:
        if request.match_info["path"]:
            raise web.HTTPNotFound
        context = request.app[CONTEXT]
        facts = [
            ("Version", escape(version("heliograph"))),
            ("Immich API", format_version()),
            ("Running for", _duration(time.monotonic() - self._started)),
            *await _count_own(context, request),
        ]
        async with context.database.read() as connection:
            is_initialized = await reads.users.has_admin(connection)
        address = context.config.server.external_domain or _address(request)
        page = self._template.substitute(
            address=escape(address),
            facts="".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts),
            major=VERSION[0],
            notice="" if is_initialized else NO_ADMINISTRATOR,
            phone_note=OUT_OF_REACH if urlsplit(address).hostname in LOCAL else LOG_IN,
            version=format_version(),
        )
        headers = {"Cache-Control": "no-store", "Content-Security-Policy": HOME_POLICY}
        return web.Response(text=page, content_type="text/html", charset="utf-8", headers=headers)


async def _count_own(context: Context, request: web.Request) -> list[tuple[str, str]]:
    """What a visitor who is logged in has here."""
    try:
        actor = await authenticate(context.database, request)
    except Unauthenticated:
        return []
    if actor.permissions is not None:
        return []
    async with context.database.read() as connection:
        counts = await reads.assets.count_assets(
            connection,
            owner_id=actor.user_id,
            is_trashed=False,
            is_favorite=None,
            visibility=None,
        )
    return [("Your photos", f"{counts['images']:,}"), ("Your videos", f"{counts['videos']:,}")]


def _address(request: web.Request) -> str:
    """As the visitor reached us, also through a proxy."""
    scheme = request.headers.get("X-Forwarded-Proto", request.scheme).partition(",")[0].strip()
    return f"{scheme if scheme in ('http', 'https') else 'http'}://{request.host}"


def _duration(seconds: float) -> str:
    """`3 days, 4 h`, `2 h 5 min`, `less than a minute`."""
    minutes = int(seconds // 60)
    hours, days = minutes // 60, minutes // 1440
    if days:
        return f"{days} day{'s' if days > 1 else ''}, {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else "less than a minute"
