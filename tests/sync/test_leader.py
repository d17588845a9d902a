"""A leader that is stopped, or hangs, loses its place to a stand-by; one at work never does."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager

import psycopg
import pytest

from sql import Database, writes
from sync import sequencer
from tests.sync.library import ask, ask_one, new_user, until
from tests.sync.test_faults import LEADERS, Watch, server, wait_for, writer

PASS_HANGS = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'state'"
PASS_WAITS = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event = 'ClientRead'"


@pytest.fixture
def watch(dsn: str) -> Watch:
    return Watch(dsn)


@pytest.mark.parametrize("is_in_pass", [False, True])
def test_a_stopped_leader_loses_its_place_and_does_no_harm_when_it_wakes(
    dsn: str, watch: Watch, is_in_pass: bool
) -> None:
    with server(dsn, "zombie") as zombie, psycopg.connect(dsn) as blocker:
        old = watch.leader()
        with server(dsn, "heir") as heir, writer(dsn) as load:
            heir.is_up()
            load.says(20)
            if is_in_pass:  # It has numbered, and projects; what it did is not committed.
                blocker.execute("LOCK TABLE state")
                wait_for(lambda: watch.rows(PASS_HANGS))
            zombie.send(signal.SIGSTOP)
            blocker.rollback()
            wait_for(lambda: watch.rows(PASS_WAITS, old["pid"]))
            wait_for(lambda: [row["name"] for row in watch.rows(LEADERS)] == ["heir"])
            load.says(20)
            zombie.send(signal.SIGCONT)
            load.says(40)
            assert [row["name"] for row in watch.rows(LEADERS)] == ["heir"]
            heir.kill()  # And it is as good a stand-by as any.
            wait_for(lambda: [row["name"] for row in watch.rows(LEADERS)] == ["zombie"])
            load.says(20)
            load.kill()
            watch.check(load)


@pytest.fixture
def impatient(monkeypatch) -> None:
    """Stand-bys look all the time, and wait for nobody."""
    monkeypatch.setattr(sequencer, "STAND_BY_SECONDS", 0.001)
    monkeypatch.setattr(sequencer, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(sequencer, "STILL_SECONDS", 0.05)


@pytest.fixture
def looks(monkeypatch) -> list[object]:
    """What stand-bys saw."""
    seen: list[object] = []
    find = writes.sequencer.find_still_leader

    async def look(connection):
        seen.append(await find(connection))
        return seen[-1]

    monkeypatch.setattr(writes.sequencer, "find_still_leader", look)
    return seen


@asynccontextmanager
async def running(dsn):
    """A sequencer with a database of its own."""
    async with Database(dsn) as database:
        task = asyncio.create_task(sequencer.run(database))
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def leading(database):
    """A session that leads, and does nothing by itself."""
    async with database.session() as connection:
        assert await writes.sequencer.try_lead(connection)
        yield connection


async def leader(database):
    return await ask_one(database, f"SELECT pid FROM ({LEADERS}) AS leader")


async def saw(looks, count):
    """Return when a stand-by has looked so often since."""
    wanted = len(looks) + count

    async def has_looked():
        return len(looks) >= wanted

    await until(has_looked)


async def test_a_leader_in_a_long_statement_is_not_cut(dsn, database, impatient, looks):
    async with leading(database) as connection, running(dsn), database.read() as other:
        async with other.transaction():
            await other.execute("LOCK TABLE state")
            await new_user(database)
            passing = asyncio.create_task(sequencer.sequence(connection))
            await until(lambda: ask(database, PASS_HANGS))
            looks.clear()
            await saw(looks, 50)
            assert looks == [None] * len(looks)
            assert await leader(database) == connection.info.backend_pid
        assert await passing == 1


async def test_a_leader_in_a_long_pass_of_many_statements_is_not_cut(
    dsn, database, impatient, looks
):
    """Between them it may look idle, but never for long."""
    async with leading(database) as connection, running(dsn):
        await new_user(database)
        async with connection.transaction():
            while sum(look is not None for look in looks) < 20:
                await connection.execute("SELECT 1")
        assert await sequencer.sequence(connection) == 1
        assert await leader(database) == connection.info.backend_pid


async def test_a_leader_with_nothing_to_do_is_not_cut(dsn, database, impatient, looks):
    async with leading(database) as connection, running(dsn):
        await saw(looks, 50)
        assert looks == [None] * len(looks)
        assert await leader(database) == connection.info.backend_pid


@pytest.mark.parametrize("where", ["between passes", "in a pass", "in a pipeline"])
async def test_a_leader_that_hangs_is_cut_wherever_it_is(dsn, database, impatient, where):
    async with leading(database) as connection, running(dsn):
        hung = connection.info.backend_pid
        if where != "between passes":
            await connection.execute("BEGIN")
            assert await writes.sequencer.number(connection) is None
        if where == "in a pipeline":
            connection.pgconn.enter_pipeline_mode()
            connection.pgconn.send_query_params(b"SELECT 1", None)
            connection.pgconn.send_flush_request()
            assert connection.pgconn.flush() == 0
        await new_user(database)
        await until(lambda: ask_one(database, "SELECT pos FROM log_head"))
        assert await leader(database) != hung
        assert await ask(database, "SELECT FROM pg_stat_activity WHERE pid = %s", hung) == []
        connection.pgconn.finish()
    assert await ask(database, "SELECT pos FROM log") == [{"pos": 1}]
