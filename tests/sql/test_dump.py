"""A dump comes back equal, or what was there stays."""

from __future__ import annotations

import asyncio
import gzip

import psycopg
import pytest

from sql.dump import DumpFailed, dump, load
from tests.fix_backups import tables
from tests.fix_postgres import clone

HEAD = "log_head"


@pytest.fixture
def other(postgres):
    """A database beside it, as new."""
    with clone(postgres) as dsn:
        yield dsn


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.sql.gz"


def write(dsn, statement, *values):
    with psycopg.connect(dsn) as connection:
        connection.execute(statement, values)


def add_user(dsn, name):
    write(
        dsn,
        'INSERT INTO "user" (id, email, name) VALUES (gen_random_uuid(), %s, %s)',
        f"{name}@example.org", name,
    )  # fmt: skip


async def test_a_dump_is_loaded_in_the_place_of_what_was_there(dsn, other, path):
    add_user(dsn, "alice")
    write(dsn, "INSERT INTO setting VALUES ('theme.customCss', to_jsonb(%s::text))", "\\unrestrict")
    add_user(other, "bob")
    before = tables(dsn)
    heard = []
    await dump(dsn, path)
    await load(other, path, tell=heard.append)

    assert tables(other) == before
    assert heard == sorted(heard) and all(0 <= part <= 1 for part in heard)
    await dump(other, path)  # What was loaded is dumped and loaded like any other.
    await load(dsn, path)
    assert tables(dsn) == before


async def test_a_dump_is_of_one_moment_while_others_write(dsn, other, path):
    """Two tables that are always changed together differ in no dump."""
    write(dsn, "CREATE TABLE one (n int); ")
    write(dsn, "CREATE TABLE two (n int)")
    is_over = asyncio.Event()

    async def write_on() -> int:
        count = 0
        async with await psycopg.AsyncConnection.connect(dsn) as connection:
            while not is_over.is_set():
                await connection.execute("INSERT INTO one VALUES (%s)", [count])
                await connection.execute("INSERT INTO two VALUES (%s)", [count])
                await connection.commit()
                count += 1
        return count

    writing = asyncio.create_task(write_on())
    await dump(dsn, path)
    is_over.set()
    assert await writing > 0
    await load(other, path)
    found = tables(other)
    assert found["one"] == found["two"]


def cut(data: bytes) -> bytes:
    return gzip.compress(gzip.decompress(data)[:-2000])


@pytest.mark.parametrize(
    "damage",
    [
        cut,
        lambda data: data[: len(data) // 2],
        lambda data: data[:2000] + b"\0" * 50 + data[2050:],
        lambda data: b"not compressed",
        lambda data: gzip.compress(b"SELECT 1;\n-- PostgreSQL database dump complete\n"),
        lambda data: gzip.compress(
            gzip.decompress(data).replace(b"COPY public.log_head", b"COPY public.log_tail")
        ),
        lambda data: b"",
    ],
    ids=["half", "truncated", "damaged", "plain", "foreign", "failing", "empty"],
)
async def test_what_cannot_be_loaded_leaves_the_old_database_whole(dsn, other, path, damage):
    add_user(dsn, "alice")
    add_user(other, "bob")
    before = tables(other)
    await dump(dsn, path)
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(DumpFailed):
        await load(other, path)
    assert tables(other) == before


async def test_a_dump_of_a_newer_version_is_refused(dsn, other, path):
    write(dsn, "INSERT INTO migration (name) VALUES ('9999_later.sql')")
    before = tables(other)
    await dump(dsn, path)
    with pytest.raises(DumpFailed, match="newer version of Heliograph"):
        await load(other, path)
    assert tables(other) == before


@pytest.mark.parametrize("command", ["\\! touch {}", "\\o {}", "\\copy migration to {}"])
async def test_a_dump_runs_no_programs_and_writes_no_files(dsn, other, path, tmp_path, command):
    planted = tmp_path / "planted"
    await dump(dsn, path)
    text = gzip.decompress(path.read_bytes())
    evil = command.format(planted).encode()
    path.write_bytes(gzip.compress(text.replace(b"\nSET ", b"\n" + evil + b"\nSET ", 1)))

    with pytest.raises(DumpFailed, match="restricted"):
        await load(other, path)
    assert not planted.exists()


async def test_whoever_was_connected_is_sent_away(dsn, other, path):
    await dump(dsn, path)
    with psycopg.connect(other) as connection:
        connection.execute("SELECT count(*) FROM migration")  # And holds the lock on it.
        await load(other, path)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
