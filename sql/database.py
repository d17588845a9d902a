"""The connection pool, and the ways to use it: read, write, snapshot, session, listen."""

from __future__ import annotations

import asyncio
import select
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NewType

from psycopg import AsyncConnection, IsolationLevel, OperationalError
from psycopg.errors import UniqueViolation
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

__all__ = ["Connection", "Database", "Disconnected", "Transaction", "UniqueViolation"]

Connection = AsyncConnection[dict[str, Any]]
Transaction = NewType("Transaction", Connection)  # what only `write()` can hand out
Disconnected = OperationalError

# Our statements are small and many: compiling one costs more than running it.
SETTINGS = "-c jit=off -c timezone=UTC"
# What a crash of Postgres takes back is derived again; it is never torn.
DERIVED = f"{SETTINGS} -c synchronous_commit=off"
# A dead client must not keep its locks: not while its query waits, not behind a cut wire.
LIVENESS = f"{SETTINGS} -c client_connection_check_interval=500 -c tcp_user_timeout=2000"
# Nor may a cut wire keep us waiting: a database on another machine is given up after a minute.
WIRE: dict[str, Any] = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds
}
# The sequencer looks up what was touched, row by row, whatever the statistics say about its tables.
LOOKUPS = f"{LIVENESS} -c enable_hashjoin=off -c enable_mergejoin=off -c enable_seqscan=off"


# Planning anew for each page takes as long as reading half of it.
SNAPSHOT = b"""
BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SET LOCAL plan_cache_mode = force_generic_plan
"""


class Database:
    """A pool of connections to one database.

    `is_derived`: everything this process writes can be made again, so its commits need not wait
    for the disk.
    """

    def __init__(self, dsn: str, *, connections_max: int = 16, is_derived: bool = False) -> None:
        self.dsn = dsn  # with its password, if it has one
        self.committed = asyncio.Event()  # set after each `write()`: the sequencer's poke
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            dsn,
            open=False,
            min_size=1,
            max_size=connections_max,
            check=_check,
            kwargs={
                "row_factory": dict_row,
                "autocommit": True,
                "options": DERIVED if is_derived else SETTINGS,
                "prepare_threshold": 2,
                **WIRE,
            },
        )

    async def __aenter__(self) -> Database:
        await self._pool.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        async with self._pool.connection() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """One transaction; what it staged is sequenced soon after it commits."""
        async with self._pool.connection() as connection, connection.transaction():
            yield Transaction(connection)
        self.committed.set()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """Many reads of one moment."""
        async with self._pool.connection() as connection:  # which ends the transaction, too
            await connection.execute(SNAPSHOT)
            yield connection

    @asynccontextmanager
    async def session(self, *, options: str = LIVENESS) -> AsyncIterator[Connection]:
        """A connection of its own, for locks that end with it; each transaction one snapshot."""
        async with await AsyncConnection.connect(
            self.dsn,
            autocommit=True,
            row_factory=dict_row,
            options=options,
            prepare_threshold=2,
            **WIRE,
        ) as connection:
            await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
            yield connection

    @asynccontextmanager
    async def listen(self, channel: str) -> AsyncIterator[Connection]:
        async with self.session() as connection:
            await connection.execute(f"LISTEN {channel}".encode())
            yield connection


async def hear(connection: Connection, seconds: float) -> list[str]:
    """The payloads of notifications, as soon as there are any; none after so many seconds.

    Asleep until then, where psycopg's own wait would look ten times a second.
    """
    payloads = [notice.payload async for notice in connection.notifies(timeout=0)]
    if not payloads and await _is_readable(connection.fileno(), seconds):
        payloads = [notice.payload async for notice in connection.notifies(timeout=0)]
    return payloads


async def _is_readable(file: int, seconds: float) -> bool:
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(file, readable.set)
    try:
        async with asyncio.timeout(seconds):
            await readable.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(file)
    return True


async def _check(connection: Connection) -> None:
    """Refuse a pooled connection that the server closed meanwhile; costs no round trip.

    An idle connection has nothing to say, so if it can be read, that is the end of it, or the
    notice that comes before.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        connection.pgconn.finish()  # Or the pool takes it back, and offers it again.
        raise OperationalError("The connection was closed while it was idle")
