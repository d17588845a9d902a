"""From commit to socket: how late an open page hears of a change, at 200 changes a second."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from pathlib import Path
from uuid import UUID

import aiohttp
import psycopg

from bench.figures import Figure, percentile
from bench.library import HEADERS, OWNER, populate, scratch_database, served, wait_until_sequenced
from sql import Database
from sync import sequencer
from sync.actor import Actor
from sync.operations import assets

ASSETS, CHANGES, CHANGES_PER_SECOND, SOCKETS = 2_000, 1_000, 200, 10


def measure() -> list[Figure]:
    with scratch_database() as dsn, tempfile.TemporaryDirectory() as folder:
        with psycopg.connect(dsn) as connection:
            populate(connection, ASSETS)
        with served(dsn, Path(folder)) as (url, _):
            wait_until_sequenced(dsn)
            late = asyncio.run(_measure(dsn, url))
    ms = [one * 1000 for one in late]
    return [
        Figure("tail_lag", "p50", percentile(ms, 50), "ms", 15, is_cost=True),
        Figure("tail_lag", "p99", percentile(ms, 99), "ms", 60, is_cost=True),
        Figure("tail_lag", "max", max(ms), "ms"),
    ]


async def _measure(dsn: str, url: str) -> list[float]:
    """Seconds for each change and socket. Changes commit here: a second process, as a worker is."""
    committed: dict[str, float] = {}
    late: list[float] = []
    async with Database(dsn) as database, aiohttp.ClientSession() as http:
        standing_by = asyncio.create_task(sequencer.run(database))
        listening = [
            asyncio.create_task(_listen(http, url, committed, late)) for _ in range(SOCKETS)
        ]
        await asyncio.sleep(1)
        async with database.read() as connection:
            cursor = await connection.execute("SELECT id FROM asset LIMIT %s", [CHANGES])
            ids = [row["id"] for row in await cursor.fetchall()]
        await _change_all(database, ids, committed)
        await asyncio.wait(listening, timeout=10)
        for task in (standing_by, *listening):
            task.cancel()
        await asyncio.gather(standing_by, *listening, return_exceptions=True)
    assert len(late) == CHANGES * SOCKETS, f"{len(late)} of {CHANGES * SOCKETS} came"
    return late


async def _change_all(database: Database, ids: list[UUID], committed: dict[str, float]) -> None:
    start = time.perf_counter()
    for number, asset_id in enumerate(ids):
        await asyncio.sleep(start + number / CHANGES_PER_SECOND - time.perf_counter())
        async with database.write() as tx:
            await assets.update_assets(tx, Actor(OWNER), [asset_id], exif={"description": "new"})
        committed[str(asset_id)] = time.perf_counter()


async def _listen(
    http: aiohttp.ClientSession, url: str, committed: dict[str, float], late: list[float]
) -> None:
    """A socket as the web client opens it; notes when it heard of each change."""
    address = f"{url}/api/socket.io/?EIO=4&transport=websocket"
    heard = 0
    async with http.ws_connect(address, headers=HEADERS) as socket:
        await socket.receive_str()
        await socket.send_str("40")
        async for message in socket:
            now = time.perf_counter()
            if message.data == "2":
                await socket.send_str("3")
            elif message.data.startswith('42["on_asset_update"'):
                asset_id = json.loads(message.data[2:])[1]["id"]
                # Heard before we knew that the commit was done: no lateness at all.
                late.append(max(0.0, now - committed.get(asset_id, now)))
                heard += 1
                if heard == CHANGES:
                    return
