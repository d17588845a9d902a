"""One change, many open pages: how long until the last of them has heard of it."""

from __future__ import annotations

import asyncio
import re
import tempfile
import time
from pathlib import Path
from statistics import median
from uuid import UUID

import psycopg

from bench.figures import Figure
from bench.library import HEADERS, OWNER, populate, scratch_database, served, wait_until_sequenced
from bench.websocket import TEXT, Listener, frame, listen
from sql import Database
from sync import sequencer
from sync.actor import Actor
from sync.operations import assets

ASSETS, EVENTS, WARM_UPS = 200, 25, 5
SOCKETS = (1, 200, 1_000)
AIM_MS = {1_000: 90.0}  # The reference takes 49 to 90 for the last of these.
EVENT = re.compile(rb'42\["on_asset_update",\{"id":"([0-9a-f-]+)"')
GREETING = b"on_server_version"


class Crowd:
    """Who waits for one event."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.id, self.heard, self.last = "", 0, 0.0
        self.is_complete = asyncio.Event()

    def expect(self, asset_id: UUID) -> None:
        self.id, self.heard = str(asset_id), 0
        self.is_complete.clear()

    def hear(self, id_: str, at: float) -> None:
        if id_ == self.id:
            self.heard += 1
            if self.heard == self.count:
                self.last = at
                self.is_complete.set()


def measure() -> list[Figure]:
    figures = []
    with scratch_database() as dsn, tempfile.TemporaryDirectory() as folder:
        with psycopg.connect(dsn) as connection:
            populate(connection, ASSETS)
        with served(dsn, Path(folder)) as (url, _):
            wait_until_sequenced(dsn)
            for count in SOCKETS:
                late = asyncio.run(_measure(dsn, url, count))
                name, aim = f"last of {count:,}", AIM_MS.get(count)
                figures += [
                    Figure("fanout", f"{name}, median", median(late), "ms", aim, is_cost=True),
                    Figure("fanout", f"{name}, worst", max(late), "ms"),
                ]
    return figures


async def _measure(dsn: str, url: str, count: int) -> list[float]:
    """Milliseconds from each commit."""
    crowd, late = Crowd(count), []
    address = f"{url}/api/socket.io/?EIO=4&transport=websocket"
    async with Database(dsn) as database:
        poking = asyncio.create_task(sequencer.pass_on(database))
        opened = await listen(
            address,
            HEADERS,
            count,
            lambda: Listener(frame(TEXT, b"40"), GREETING, EVENT, crowd.hear),
        )
        async with database.read() as connection:
            cursor = await connection.execute(b"SELECT id FROM asset LIMIT %s", [EVENTS])
            ids = [row["id"] for row in await cursor.fetchall()]
        for asset_id in ids:
            crowd.expect(asset_id)
            async with database.write() as tx:
                await assets.update_assets(
                    tx, Actor(OWNER), [asset_id], exif={"description": f"{count}"}
                )
            committed = time.perf_counter()
            try:
                async with asyncio.timeout(30):
                    await crowd.is_complete.wait()
            except TimeoutError:
                raise SystemExit(f"{crowd.heard} of {count} heard of it") from None
            late.append(max(0.0, crowd.last - committed) * 1000)
        for transport in opened:
            transport.close()
        poking.cancel()
        await asyncio.gather(poking, return_exceptions=True)
    return late[WARM_UPS:]
