"""A real Postgres for the run, one migrated template in it, one fresh clone per test."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.errors import InsufficientPrivilege

from sql import Database
from sql.embedded import Postgres
from sql.migrate import migrate
from sync import sequencer

TEMPLATE = "heliograph_template"
MEMORY_BYTES_MIN = 8 << 30


@contextmanager
def running_postgres() -> Iterator[str]:
    """The DSN of a server that lives as long as this, with the template in it."""
    with tempfile.TemporaryDirectory(prefix="heliograph-", dir=memory()) as folder:
        postgres = Postgres(Path(folder), durable=False)
        dsn = postgres.start()
        try:
            _run(dsn, f"CREATE DATABASE {TEMPLATE}")
            migrate(make_conninfo(dsn, dbname=TEMPLATE))
            yield dsn
        finally:
            postgres.stop()


def memory() -> Path | None:
    """Where the hundreds of files of a clone cost nothing, if there is enough of it."""
    memory = Path("/dev/shm")
    is_roomy = memory.is_dir() and shutil.disk_usage(memory).free > MEMORY_BYTES_MIN
    return memory if is_roomy else None


@contextmanager
def clone(dsn: str, template: str = TEMPLATE) -> Iterator[str]:
    name = f"heliograph_{uuid4().hex[:12]}"
    _run(dsn, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    try:
        yield make_conninfo(dsn, dbname=name)
    finally:
        _drop(dsn, name)


def _drop(dsn: str, name: str) -> None:
    """Autovacuum, which only a superuser may send away, is soon done with so small a database."""
    for pause_seconds in (0.1, 0.5, 2.0, 5.0):
        try:
            _run(dsn, f"DROP DATABASE {name} WITH (FORCE)")
        except InsufficientPrivilege:
            time.sleep(pause_seconds)
        else:
            return
    _run(dsn, f"DROP DATABASE {name} WITH (FORCE)")


def _run(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement.encode())


@pytest.fixture(scope="session")
def postgres():
    with running_postgres() as dsn:
        yield dsn


@pytest.fixture
def dsn(postgres):
    with clone(postgres) as dsn:
        yield dsn


@pytest.fixture
async def database(dsn):
    async with Database(dsn, connections_max=20) as database:
        yield database


@pytest.fixture
async def sequencing(database):
    """A sequencer runs beside the test."""
    running = asyncio.create_task(sequencer.run(database))
    yield
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
