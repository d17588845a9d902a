"""Postgres falls and comes back, under people who upload, phones that stream and a live channel."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest

from sql import Database, lines
from sql.embedded import Postgres
from sql.migrate import migrate
from tests.fix_postgres import memory
from tests.fix_server import Client
from tests.sync.app import REQUESTS
from tests.sync.laws import assert_in_order, assert_level
from tests.sync.library import ask, ask_one, until
from tests.sync.replica import Replica

CRASHES = 2
STAGED = "SELECT count(*) FROM log_staging"
UPLOADED = "SELECT unnest(entity_ids) AS id FROM log WHERE topic = 'asset.uploaded'"


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """One of our own, to be brought down."""
    with tempfile.TemporaryDirectory(prefix="heliograph-", dir=memory()) as folder:
        postgres = Postgres(Path(folder), durable=False)
        yield postgres
        postgres.stop()


@pytest.fixture
def dsn(postgres: Postgres) -> str:
    dsn = postgres.start()
    migrate(dsn)
    return dsn


class Slowly:
    """A phone's lines, read as they drip in; and how often they ended too early."""

    def __init__(self, http: aiohttp.ClientSession, client: Client) -> None:
        self.http, self.client = http, client
        self.cuts = 0
        self.has_begun = asyncio.Event()

    async def stream(self) -> AsyncIterator[bytes]:
        url, headers = f"{self.client.url}/api/sync/stream", self.client.headers
        async with self.http.post(url, json={"types": REQUESTS}, headers=headers) as response:
            response.raise_for_status()
            while block := await response.content.read(500):
                yield block
                self.has_begun.set()
                await asyncio.sleep(0.002)

    async def ack(self, ack: str) -> None:
        url, body = f"{self.client.url}/api/sync/ack", {"acks": [ack]}
        async with self.http.post(url, json=body, headers=self.client.headers) as response:
            response.raise_for_status()

    async def follow(self, phone: Replica, is_over: asyncio.Event) -> None:
        while not is_over.is_set():
            try:
                await phone.pull()
            except aiohttp.ClientError:
                self.cuts += 1
                await asyncio.sleep(0.05)


class Uploads:
    """What one person was told is safe."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.safe: list[UUID] = []

    async def go_on(self, is_over: asyncio.Event) -> None:
        while not is_over.is_set():
            answer = await self.client.upload(uuid4().bytes)
            if answer.status == 201:
                self.safe.append(UUID(answer.json["id"]))
            else:
                assert answer.status >= 500, answer.data
                await asyncio.sleep(0.05)

    async def some(self, count: int) -> None:
        wanted = len(self.safe) + count
        await until(self._count, is_met=lambda count: count >= wanted)

    async def _count(self) -> int:
        return len(self.safe)


async def test_a_crash_of_postgres_loses_nothing_that_was_promised(
    postgres: Postgres,
    database: Database,
    alice: Client,
    bob: Client,
    log_in: Any,
    follow: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lines, "PAGE_LINES", 5)
    uploads = [Uploads(alice), Uploads(bob)]
    async with aiohttp.ClientSession() as http, follow(alice) as channel:
        sources = [Slowly(http, await log_in(one)) for one in (alice, alice, bob)]
        phones = [Replica(source, batch_lines=5) for source in sources]
        is_over = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for one in uploads:
                tasks.create_task(one.go_on(is_over))
            for source, phone in zip(sources, phones, strict=True):
                tasks.create_task(source.follow(phone, is_over))
            for _ in range(CRASHES):
                await asyncio.gather(*(one.some(10) for one in uploads))
                for source in sources:
                    source.has_begun.clear()
                    await source.has_begun.wait()
                await asyncio.to_thread(crash, postgres)
            await asyncio.gather(*(one.some(10) for one in uploads))
            is_over.set()
        assert sum(source.cuts for source in sources) > 0
        await until(lambda: ask_one(database, STAGED), is_met=lambda count: count == 0)
        logged = {row["id"] for row in await ask(database, UPLOADED)}
        assert logged >= {id_ for one in uploads for id_ in one.safe}
        await assert_in_order(database)
        for source, phone in zip(sources, phones, strict=True):
            await assert_level(database, UUID(source.client.user["id"]), phone)
            assert phone.wipes == 0, "a crash is not a restore"
        await hear_of(channel, uploads[0].safe[-1])


def crash(postgres: Postgres) -> None:
    """As an immediate shutdown: nobody is told, nothing is written down."""
    assert postgres.process is not None
    postgres.process.send_signal(signal.SIGQUIT)
    postgres.process.wait()
    postgres.start()


async def hear_of(channel: Any, id_: UUID) -> None:
    """On the channel that was open all the time."""
    while str(id_).encode() not in (await channel.expect("lines"))[0]:
        pass
