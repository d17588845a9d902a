"""Sixteen writers that dawdle before they commit, one reader that tails: nothing may be lost.

The same harness runs three tempting shortcuts, and must catch each of them.
"""

from __future__ import annotations

import asyncio
import operator
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Protocol
from uuid import UUID, uuid4

import pytest

from sql import Connection, Database, Transaction
from sync import log, tail
from tests.sync.library import until

WRITERS = 16
KEYS = 4
WRITES = 400  # of ours, before it is believed
ROUND_SECONDS = 0.5
ROUNDS_MAX = 20  # for a shortcut; one is mostly enough
DAWDLE_SECONDS_MAX = 0.015

SCHEMA = """
CREATE TABLE counter (key integer PRIMARY KEY, version integer NOT NULL);
INSERT INTO counter SELECT key, 0 FROM generate_series(0, 3) AS key;
CREATE TABLE desk (writer integer PRIMARY KEY, visits integer NOT NULL);
INSERT INTO desk SELECT writer, 0 FROM generate_series(0, 15) AS writer;
CREATE TABLE shortcut (
    id  bigserial PRIMARY KEY,
    at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    mark uuid NOT NULL, key integer NOT NULL, version integer NOT NULL);
"""


class Seen(NamedTuple):
    """One change: its own mark, and which version of which row it made."""

    mark: UUID
    key: int
    version: int


class Order(Protocol):
    """A way to write changes down, and to read on from where one was."""

    async def write(self, tx: Transaction, change: Seen) -> None: ...

    async def read(self, connection: Connection) -> list[Seen]: ...


class Sequenced:
    """The design: staged, numbered by the sequencer, read by position."""

    def __init__(self) -> None:
        self.positions: list[int] = []

    async def write(self, tx: Transaction, change: Seen) -> None:
        facts = {"key": change.key, "version": change.version}
        await log.stage(tx, "api_key.updated", uuid4(), [change.mark], **facts)

    async def read(self, connection: Connection) -> list[Seen]:
        entries = await tail.read(connection, self.positions[-1] if self.positions else 0)
        self.positions += [entry.pos for entry in entries]
        return [Seen(e.entity_ids[0], e.facts["key"], e.facts["version"]) for e in entries]


class Shortcut:
    """Read what the writers wrote directly, in some order, up to some horizon."""

    def __init__(self, columns: str, cursor: tuple[object, ...], horizon: str = "true") -> None:
        self.cursor = cursor
        places = ", ".join(["%s"] * len(cursor))
        self.query = f"""SELECT mark, key, version, {columns} FROM shortcut
            WHERE ({columns}) > ({places}) AND {horizon} ORDER BY {columns}"""

    async def write(self, tx: Transaction, change: Seen) -> None:
        await tx.execute("INSERT INTO shortcut (mark, key, version) VALUES (%s, %s, %s)", change)

    async def read(self, connection: Connection) -> list[Seen]:
        cursor = await connection.execute(self.query.encode(), self.cursor)
        rows = [tuple(row.values()) for row in await cursor.fetchall()]
        if rows:
            self.cursor = rows[-1][3:]
        return [Seen(*row[:3]) for row in rows]


class Harness:
    """The writers and the reader of one order, and what can be said against it."""

    def __init__(self, database: Database, order: Order) -> None:
        self.database, self.order = database, order
        self.written: list[UUID] = []
        self.seen: list[Seen] = []
        self.is_believed = asyncio.Event()
        self._is_over = asyncio.Event()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        async with self.database.read() as connection:
            await connection.execute(SCHEMA)
        async with asyncio.TaskGroup() as tasks:
            for writer in range(WRITERS):
                tasks.create_task(self._write(writer))
            reading = tasks.create_task(self._read())
            yield
            self._is_over.set()
        assert reading.done()

    async def _write(self, writer: int) -> None:
        while not self._is_over.is_set():
            async with self.database.write() as tx:
                # Of its own, so that the transaction has its id long before the shared row.
                await tx.execute("UPDATE desk SET visits = visits + 1 WHERE writer = %s", [writer])
                await asyncio.sleep(random.uniform(0, DAWDLE_SECONDS_MAX))
                mark, key = uuid4(), random.randrange(KEYS)
                cursor = await tx.execute(
                    "UPDATE counter SET version = version + 1 WHERE key = %s RETURNING version",
                    [key],
                )
                row: Any = await cursor.fetchone()
                await self.order.write(tx, Seen(mark, key, row["version"]))
                await asyncio.sleep(random.uniform(0, DAWDLE_SECONDS_MAX))
            self.written.append(mark)
            if len(self.written) == WRITES:
                self.is_believed.set()

    async def _read(self) -> None:
        async with self.database.read() as connection:
            while not self._is_over.is_set():
                self.seen += await self.order.read(connection)
                await asyncio.sleep(0.001)

    async def finish(self) -> None:
        """Read all that a reader who goes on for ever would see."""
        async with self.database.read() as connection:
            await until(lambda: staged(connection), is_met=operator.not_)
            while more := await self.order.read(connection):
                self.seen += more

    @property
    def lost(self) -> int:
        return len(set(self.written) - {change.mark for change in self.seen})

    @property
    def doubled(self) -> int:
        return len(self.seen) - len({change.mark for change in self.seen})

    @property
    def disordered(self) -> int:
        """How often a row went back: a replay would end with an old value."""
        latest: dict[int, int] = {}
        count = 0
        for _, key, version in self.seen:
            count += version <= latest.get(key, 0)
            latest[key] = max(version, latest.get(key, 0))
        return count


async def staged(connection: Connection) -> bool:
    cursor = await connection.execute("SELECT FROM log_staging LIMIT 1")
    return await cursor.fetchone() is not None


async def test_the_sequenced_log_loses_nothing_and_keeps_the_order(
    database: Database, sequencing: None
) -> None:
    order = Sequenced()
    harness = Harness(database, order)
    async with harness.writing():
        await harness.is_believed.wait()
    await harness.finish()
    assert (harness.lost, harness.doubled, harness.disordered) == (0, 0, 0)
    assert len(harness.seen) == len(harness.written)
    assert order.positions == list(range(1, len(order.positions) + 1))


SHORTCUTS = {
    "the staging sequence": ("lost", Shortcut("id", (0,))),
    "the clock": (
        "lost",
        Shortcut("at", ("2000-01-01",), "at < clock_timestamp() - interval '1 ms'"),
    ),
    "the transaction id": (
        "disordered",
        Shortcut("xid, id", ("0", 0), "xid < pg_snapshot_xmin(pg_current_snapshot())"),
    ),
}


@pytest.mark.parametrize("name", SHORTCUTS)
async def test_the_harness_catches_the_shortcut(database: Database, name: str) -> None:
    fault, order = SHORTCUTS[name]
    harness = Harness(database, order)
    async with harness.writing():
        for _ in range(ROUNDS_MAX):
            await asyncio.sleep(ROUND_SECONDS)
            # Whoever writes now may still be seen; what is well before cannot any more.
            if fault == "disordered" and harness.disordered:
                break
            if fault == "lost" and harness.lost > 2 * WRITERS:
                break
    await harness.finish()
    assert getattr(harness, fault)
