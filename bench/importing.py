"""While one user's import is worked on: how another's photos and pages come through."""

from __future__ import annotations

import asyncio
import http.client
import os
import re
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import psycopg

from bench.figures import Figure, percentile
from bench.library import (
    HEADERS,
    populate,
    scratch_database,
    served,
    stage,
    wait_until_sequenced,
)
from bench.sending import make_photo, send
from bench.websocket import TEXT, Listener, frame, listen
from server.authentication import hash_token

WAITING = 50_000
PHOTOS, PAGES = 30, 200
SECONDS_MAX = 60.0
OTHER, OTHER_SESSION = (UUID(f"00000000-0000-4000-8000-00000000001{n}") for n in (1, 2))
OTHER_TOKEN = "other"
OTHER_HEADERS = {"Authorization": f"Bearer {OTHER_TOKEN}"}
SECOND_USER = """
INSERT INTO "user" (id, email, name) VALUES (%(id)s, 'other@example.org', 'Other');
INSERT INTO session (id, user_id, token_hash) VALUES (%(session)s, %(id)s, %(token_hash)s);
"""
UPLOADED = re.compile(rb'42\["on_upload_success",\{"id":"([0-9a-f-]+)"')
GREETING = b"on_server_version"


def measure(assets: int = WAITING) -> list[Figure]:
    with scratch_database() as dsn, tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with psycopg.connect(dsn) as connection:
            populate(connection, assets, asset={"thumbhash": "NULL"})
            _add_other(connection)
        photo = make_photo(1632, 1224)
        _lay_originals(dsn, root, photo)
        with served(dsn, root) as (url, _), served(dsn, root, "media"):
            wait_until_sequenced(dsn)
            idle = asyncio.run(_come_through(url, photo + b"idle"))
            with psycopg.connect(dsn) as connection:
                stage(connection, "asset.uploaded", 1, assets)
            wait_until_sequenced(dsn)
            before, start = _count_shown(dsn), time.perf_counter()
            busy = asyncio.run(_come_through(url, photo + b"busy"))
            rate = (_count_shown(dsn) - before) / (time.perf_counter() - start)
            left = _count_waiting(dsn)
    assert left, "The import was done before it could be in the way"
    return [
        *_compare(idle, busy),
        Figure("importing", "pictures made meanwhile", rate, "pictures/s"),
    ]


def _compare(
    idle: tuple[list[float], list[float]], busy: tuple[list[float], list[float]]
) -> Iterable[Figure]:
    for name, quiet, loud in zip(
        ("photo, sent to shown", "months, asked for"), idle, busy, strict=True
    ):
        yield Figure("importing", f"{name}, idle, p50", percentile(quiet, 50), "ms")
        yield Figure("importing", f"{name}, during an import, p50", percentile(loud, 50), "ms")
        yield Figure("importing", f"{name}, during an import, p95", percentile(loud, 95), "ms")


def _add_other(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    values = {"id": OTHER, "session": OTHER_SESSION, "token_hash": hash_token(OTHER_TOKEN)}
    for statement in SECOND_USER.strip().split("\n"):
        connection.execute(statement.encode(), values)
    connection.commit()


def _lay_originals(dsn: str, root: Path, photo: bytes) -> None:
    """One file by all the names."""
    whole = root / "photo.jpg"
    whole.write_bytes(photo)
    with psycopg.connect(dsn) as connection:
        keys = connection.execute("SELECT original_key FROM asset").fetchall()
    for (key,) in keys:
        target = root / str(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(whole, target)


async def _come_through(url: str, photo: bytes) -> tuple[list[float], list[float]]:
    """Milliseconds of each photo, from the first byte sent to the app's news of its picture; and
    of each page of months."""
    heard: asyncio.Queue[float] = asyncio.Queue()
    (transport,) = await listen(
        f"{url}/api/socket.io/?EIO=4&transport=websocket",
        OTHER_HEADERS,
        1,
        lambda: Listener(
            frame(TEXT, b"40"), GREETING, UPLOADED, lambda _, at: heard.put_nowait(at)
        ),
    )
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    photos, pages = [], []
    for number in range(PHOTOS):
        start = time.perf_counter()
        await asyncio.to_thread(send, connection, photo + number.to_bytes(4), headers=OTHER_HEADERS)
        async with asyncio.timeout(SECONDS_MAX):
            photos.append((await heard.get() - start) * 1000)
    for _ in range(PAGES):
        start = time.perf_counter()
        await asyncio.to_thread(_ask_for_months, connection)
        pages.append((time.perf_counter() - start) * 1000)
    transport.close()
    return photos, pages


def _ask_for_months(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/api/timeline/buckets", headers=HEADERS)
    response = connection.getresponse()
    response.read()
    assert response.status == 200


def _count_shown(dsn: str) -> int:
    return _count(dsn, "SELECT count(*) FROM asset WHERE thumbhash IS NOT NULL")


def _count_waiting(dsn: str) -> int:
    return _count(dsn, "SELECT count(*) FROM job WHERE queue IN ('metadata', 'thumbnail')")


def _count(dsn: str, query: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(query.encode()).fetchone()
    return int(str(row[0])) if row else 0
