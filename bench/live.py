"""The live channel: a first sync of 100,000 assets, and how late a change is in its lines."""

from __future__ import annotations

import asyncio
import re
import socket
import tempfile
import time
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import psycopg

from bench.figures import Figure, Timer, percentile
from bench.library import (
    HEADERS,
    OWNER,
    TYPES,
    populate,
    scratch_database,
    served,
    wait_until_sequenced,
)
from bench.processes import resident_bytes
from bench.websocket import BINARY, Listener, connect, frame, listen
from sql import Database
from sync import retention, sequencer
from sync.actor import Actor
from sync.operations import assets

ASSETS, RUNS = 100_000, 3
ROWS = 2 * ASSETS
REQUESTS = ["AssetsV2", "AssetExifsV1"]
CHANGES, CHANGES_PER_SECOND, SOCKETS = 400, 50, (1, 50)
AIMS_MS = {1: 20.0, 50: 60.0}
PLENTY = 1 << 40
IDLE_SOCKETS = 20
CHANGED = re.compile(rb'"type":"AssetV2","data":\{"id":"([0-9a-f-]+)"')


def measure() -> list[Figure]:
    with scratch_database() as dsn, tempfile.TemporaryDirectory() as folder:
        with psycopg.connect(dsn) as connection:
            populate(connection, ASSETS)
        with served(dsn, Path(folder)) as (url, pid):
            wait_until_sequenced(dsn)
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute(b"VACUUM ANALYZE")
            _drain_plain(url)
            plain, live = [], []
            for _ in range(RUNS):
                plain.append(ROWS / _drain_plain(url))
                live.append(ROWS / _drain_live(url))
            growth = _growth(url, pid)
            lates = {count: asyncio.run(_measure(dsn, url, count)) for count in SOCKETS}
    return [
        Figure("live", "plain stream", median(plain), "rows/s"),
        Figure("live", "channel", median(live), "rows/s", 200_000),
        Figure("live", "channel, of plain", median(live) / median(plain), "ratio", 0.8),
        Figure("live", f"growth, {IDLE_SOCKETS} without credit", growth / 1e6, "MB", 64, True),
        *(one for count, late in lates.items() for one in _show(count, late)),
    ]


def _show(count: int, late: list[float]) -> list[Figure]:
    ms = [one * 1000 for one in late]
    name = f"commit to line, {count} open"
    return [
        Figure("live", f"{name}, p50", percentile(ms, 50), "ms", AIMS_MS[count], is_cost=True),
        Figure("live", f"{name}, p99", percentile(ms, 99), "ms"),
    ]


def _subscribe(types: list[str], credit: int) -> bytes:
    return frame(BINARY, msgspec.msgpack.encode(["subscribe", types, [], credit]))


def _drain_live(url: str) -> float:
    with Timer() as timer, connect(f"{url}/api/sync/live", HEADERS) as connection:
        connection.sendall(_subscribe(REQUESTS, PLENTY))
        _drain(connection)
    return timer.seconds


def _drain_plain(url: str) -> float:
    at = urlsplit(url)
    body = msgspec.json.encode({"types": REQUESTS})
    head = [
        "POST /api/sync/stream HTTP/1.1", f"Host: {at.netloc}", "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in HEADERS.items()),
    ]  # fmt: skip
    with (
        Timer() as timer,
        socket.create_connection((at.hostname or "", at.port or 0)) as connection,
    ):
        connection.sendall("\r\n".join([*head, "", ""]).encode() + body)
        _drain(connection)
    return timer.seconds


def _drain(connection: socket.socket) -> None:
    """Up to the last line; nothing is parsed."""
    buffer, size, tail = bytearray(1 << 18), 0, b""
    while b"SyncCompleteV1" not in tail:
        count = connection.recv_into(buffer)
        assert count, f"only {size} bytes came"
        size += count
        tail = (tail + bytes(buffer[max(0, count - 200) : count]))[-200:]
    assert size > ROWS * 20, f"only {size} bytes came"


def _growth(url: str, pid: int) -> int:
    """By how much the server grows for clients that ask for all and then grant little."""
    before = resident_bytes(pid)
    opened = [connect(f"{url}/api/sync/live", HEADERS) for _ in range(IDLE_SOCKETS)]
    for connection in opened:
        connection.sendall(_subscribe(REQUESTS, 1))
    time.sleep(5)
    peak = resident_bytes(pid)
    for connection in opened:
        connection.close()
    return peak - before


async def _measure(dsn: str, url: str, count: int) -> list[float]:
    """Seconds for each change and socket."""
    committed: dict[str, float] = {}
    late: list[float] = []

    def hear(id_: str, at: float) -> None:
        late.append(max(0.0, at - committed.get(id_, at)))

    async with Database(dsn) as database:
        poking = asyncio.create_task(sequencer.pass_on(database))
        async with database.read() as connection:
            head = await (await connection.execute(b"SELECT epoch, pos FROM log_head")).fetchone()
            cursor = await connection.execute(b"SELECT id FROM asset LIMIT %s", [CHANGES])
            ids = [row["id"] for row in await cursor.fetchall()]
        assert head
        here = f"{head['epoch']}.{head['pos']}"
        acks = [f"AssetV2|{here}", f"AssetExifV1|{here}"]
        acks.append(f"SyncCompleteV1|{here}.{retention.bits(TYPES)}.0")
        asked = frame(BINARY, msgspec.msgpack.encode(["subscribe", TYPES, acks, PLENTY]))
        opened = await listen(
            f"{url}/api/sync/live",
            HEADERS,
            count,
            lambda: Listener(asked, b"SyncCompleteV1", CHANGED, hear),
        )
        await _change_all(database, ids, committed)
        for _ in range(1000):
            if len(late) == CHANGES * count:
                break
            await asyncio.sleep(0.01)
        for transport in opened:
            transport.close()
        poking.cancel()
        await asyncio.gather(poking, return_exceptions=True)
    assert len(late) == CHANGES * count, f"{len(late)} of {CHANGES * count} came"
    return late


async def _change_all(database: Database, ids: list[UUID], committed: dict[str, float]) -> None:
    start = time.perf_counter()
    for number, asset_id in enumerate(ids):
        await asyncio.sleep(start + number / CHANGES_PER_SECOND - time.perf_counter())
        async with database.write() as tx:
            await assets.update_assets(tx, Actor(OWNER), [asset_id], exif={"description": "new"})
        committed[str(asset_id)] = time.perf_counter()
