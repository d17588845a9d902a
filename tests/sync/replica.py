"""A phone as the log sees it: SQLite with foreign keys, fed by sync lines and nothing else.

It behaves as the app does: it applies runs of lines of one type as one batch, acks the last line of
each run, wipes itself when it is told to, and jams for good on a line it cannot apply.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from itertools import groupby
from typing import Any, ClassVar, Protocol
from uuid import UUID, uuid4

from sql import Database
from sync import checkpoints
from sync.operations import sessions
from sync.stream import RESET, stream
from tests.sync.app import CONTROLS, REQUESTS, SCHEMA, TABLES, check_line, statements

BATCH_LINES = 5000
STATEMENTS = statements()


Shown = dict[str, dict[tuple[str, ...], Any]]


class Source(Protocol):
    """Where lines come from, and where acks go."""

    def stream(self) -> AsyncIterator[bytes]: ...

    async def ack(self, ack: str) -> None: ...


class Direct:
    """One session of one user, without HTTP between."""

    def __init__(self, database: Database, user_id: UUID, session_id: UUID) -> None:
        self.database, self.user_id, self.session_id = database, user_id, session_id

    async def stream(self) -> AsyncIterator[bytes]:
        async with self.database.read() as connection:
            known = await checkpoints.get_progress(connection, self.session_id)
        if known.is_pending_reset:
            yield RESET
            return
        lines = stream(self.database, self.user_id, REQUESTS, known.acks, known.generation)
        async with aclosing(lines) as blocks:
            async for block in blocks:
                yield block

    async def ack(self, ack: str) -> None:
        async with self.database.write() as tx:
            await checkpoints.save_acks(tx, self.session_id, [ack])


class Unremembered:
    """A session without any acks: every stream is the first."""

    def __init__(self, database: Database, user_id: UUID) -> None:
        self.database, self.user_id = database, user_id

    async def stream(self) -> AsyncIterator[bytes]:
        async with aclosing(stream(self.database, self.user_id, REQUESTS, {})) as blocks:
            async for block in blocks:
                yield block

    async def ack(self, ack: str) -> None:
        pass


async def new_session(database: Database, user_id: UUID) -> UUID:
    async with database.write() as tx:
        return await sessions.create_session(tx, user_id, uuid4().bytes)


async def new_replica(database: Database, user_id: UUID) -> Replica:
    return Replica(Direct(database, user_id, await new_session(database, user_id)))


class Replica:
    """One device's copy. `heard` is every line of the newest pull, as (type, data, ack)."""

    seen: ClassVar[set[str]] = set()  # every line type any replica was ever sent

    def __init__(self, source: Source, *, batch_lines: int = BATCH_LINES) -> None:
        self.source = source
        self.batch_lines = batch_lines
        self.wipes = 0
        self.heard: list[tuple[str, dict[str, Any], str]] = []
        self._database = sqlite3.connect(":memory:", isolation_level=None)
        self._database.executescript(SCHEMA)

    def copy(self, source: Source) -> Replica:
        """The same rows, to be fed from elsewhere."""
        copy = Replica(source, batch_lines=self.batch_lines)
        self._database.backup(copy._database)
        return copy

    async def pull(
        self,
        *,
        cut: int | None = None,
        send: Callable[[str], Awaitable[None]] | None = None,
    ) -> bool:
        """Follow one stream, or its first `cut` lines; True when all of it was applied.

        `send` takes the acks instead of the source: a network that loses, repeats or delays.
        """
        self.heard = []
        wipes = self.wipes
        is_whole = await self._pull_once(cut, send or self.source.ack)
        if self.wipes > wipes and is_whole:
            return await self._pull_once(cut, send or self.source.ack)
        return is_whole

    async def _pull_once(self, cut: int | None, send: Callable[[str], Awaitable[None]]) -> bool:
        left = float("inf") if cut is None else cut
        lines: list[bytes] = []
        rest = b""
        async with aclosing(self.source.stream()) as blocks:  # type: ignore[type-var]
            async for block in blocks:
                *whole, rest = (rest + block).split(b"\n")
                lines += whole
                if len(lines) >= left:
                    await self._take(lines[: int(left)], send)
                    return False
                if len(lines) >= self.batch_lines:
                    await self._take(lines, send)
                    left -= len(lines)
                    lines = []
        assert rest == b"", "A line has no end"
        await self._take(lines, send)
        assert self.heard[-1][0] in ("SyncCompleteV1", "SyncResetV1")
        return True

    async def _take(self, lines: list[bytes], send: Callable[[str], Awaitable[None]]) -> None:
        for type_, run in groupby(map(json.loads, lines), key=lambda line: line["type"]):
            group = list(run)
            for line in group:
                assert line.keys() == {"type", "data", "ack"}
                self._apply(line["type"], line["data"])
                self.heard.append((line["type"], line["data"], line["ack"]))
            self.seen.add(type_)
            await send(group[-1]["ack"])

    def _apply(self, type_: str, data: dict[str, Any]) -> None:
        check_line(type_, data)
        if statement := STATEMENTS.get(type_):
            values = {name: value for name, value in data.items() if not isinstance(value, dict)}
            self._database.execute(statement, values | {"line": json.dumps(data)})
        elif type_ == "SyncResetV1":
            self._wipe()
        else:
            assert type_ in CONTROLS, type_

    def _wipe(self) -> None:
        self.wipes += 1
        self._database.execute("PRAGMA foreign_keys = OFF")
        for table in TABLES:
            self._database.execute(f"DELETE FROM {table}")
        self._database.execute("PRAGMA foreign_keys = ON")

    def types(self) -> list[str]:
        """The lines of the newest pull, without the controls."""
        return [type_ for type_, _, _ in self.heard if type_ not in CONTROLS]

    def dump(self) -> Shown:
        """Every row by its key, as in `oracle.truth`."""
        return {table: self._dump(table) for table in TABLES}

    def _dump(self, table: str) -> dict[tuple[str, ...], Any]:
        """Where a parent went and left a null behind, the column is newer than the line."""
        keys, others = TABLES[table]
        rows = self._database.execute(f"SELECT {', '.join((*keys, *others))}, data FROM {table}")
        names = (*keys, *others)
        return {
            row[: len(keys)]: json.loads(row[-1]) | dict(zip(names, row[:-1], strict=True))
            for row in rows
        }
