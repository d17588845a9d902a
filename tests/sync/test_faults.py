"""Real processes, killed and stopped at bad moments: nothing is lost, nothing happens twice."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import dict_row

from sql import Database
from sql.embedded import Postgres
from sql.migrate import migrate
from tests.sync.library import new_asset, new_user
from tests.sync.oracle import truth
from tests.sync.replica import Replica, Unremembered

ROOT = Path(__file__).parents[2]
SECONDS_MAX = 90.0  # Jobs whose workers died are tried apart, and the machine may be busy.
LEADERS = """
SELECT pid, application_name AS name
  FROM pg_locks JOIN pg_stat_activity USING (pid)
 WHERE locktype = 'advisory' AND granted AND datname = current_database()
   AND objid = (hashtext('heliograph.sequencer')::bigint & 4294967295)::oid"""


class Process:
    """A child, and what it has said so far."""

    def __init__(self, dsn: str, *arguments: str, name: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="heliograph-")
        self.running = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=os.environ
            | {
                "DATABASE_URL": dsn,
                "PGAPPNAME": name,
                "HELIOGRAPH_DATA": self._folder.name,
                "HELIOGRAPH_PORT": "0",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.said: list[list[str]] = []
        self._listening = threading.Thread(target=self._listen)
        self._listening.start()

    def _listen(self) -> None:
        assert self.running.stdout is not None
        with self.running.stdout as lines:
            for line in lines:
                if line.endswith("\n"):
                    self.said.append(line.split())

    def is_up(self) -> None:
        """Return when it has said anything at all."""
        wait_for(lambda: self.said)

    def says(self, count: int) -> None:
        """Return when it has said so many lines more."""
        wanted = len(self.said) + count
        wait_for(lambda: len(self.said) >= wanted)

    def send(self, number: signal.Signals) -> None:
        self.running.send_signal(number)

    def kill(self) -> None:
        self.running.kill()
        self.running.wait()
        self._listening.join()
        self._folder.cleanup()

    def ids(self, word: str) -> set[UUID]:
        return {UUID(id_) for said, id_ in self.said if said == word}


@contextmanager
def process(dsn: str, *arguments: str, name: str = "") -> Iterator[Process]:
    child = Process(dsn, *arguments, name=name)
    try:
        yield child
    finally:
        child.kill()


def server(dsn: str, name: str = "server") -> Any:
    return process(dsn, "-m", "server", name=name)


def writer(dsn: str) -> Any:
    return process(dsn, "-m", "tests.sync.stubs", "write")


def worker(dsn: str) -> Any:
    return process(dsn, "-m", "tests.sync.stubs", "work")


def wait_for(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + SECONDS_MAX
    while not (answer := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return answer


class Watch:
    """Look at the database from outside."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        with psycopg.connect(self.dsn, autocommit=True, row_factory=dict_row) as connection:
            return connection.execute(query.encode(), values or None).fetchall()

    def value(self, query: str, *values: object) -> Any:
        ((value,),) = (row.values() for row in self.rows(query, *values))
        return value

    def leader(self) -> dict[str, Any]:
        return wait_for(lambda: self.rows(LEADERS))[0]

    def settled(self) -> None:
        wait_for(lambda: self.value("SELECT count(*) FROM log_staging") == 0)

    def worked_off(self) -> None:
        """Nothing waits, for the sequencer or for a worker that can do it."""
        left = """SELECT (SELECT count(*) FROM log_staging)
            + (SELECT count(*) FROM job WHERE queue = 'metadata' AND dead_at IS NULL)"""
        wait_for(lambda: self.value(left) == 0)

    def head(self) -> int:
        return self.value("SELECT pos FROM log_head")

    def check(self, *writers: Process) -> None:
        """Every law that can be read from the tables, when all is sequenced."""
        self.settled()
        entries = self.rows("SELECT pos, topic, entity_ids FROM log ORDER BY pos")
        assert [entry["pos"] for entry in entries] == list(range(1, self.head() + 1))

        def logged(topic: str) -> list[UUID]:
            return [id_ for e in entries if e["topic"] == topic for id_ in e["entity_ids"]]

        uploaded, deleted = logged("asset.uploaded"), logged("asset.deleted")
        assert len(uploaded) == len(set(uploaded))
        assert len(deleted) == len(set(deleted))
        existing = {row["id"] for row in self.rows("SELECT id FROM asset")}
        assert set(uploaded) - set(deleted) == existing
        for one in writers:
            assert one.ids("uploaded") <= set(uploaded)
            assert one.ids("deleted") <= set(deleted)
        found = logged("asset.metadata_extracted")
        jobs = [
            row["entity_id"]
            for row in self.rows("SELECT entity_id FROM job WHERE queue = 'metadata'")
        ]
        assert len(found) == len(set(found)), "a result was recorded twice"
        assert len(jobs) == len(set(jobs))
        assert set(found).isdisjoint(jobs)
        assert {*found, *jobs, *deleted} >= set(uploaded), "a job was lost"
        asyncio.run(self._converge())

    async def _converge(self) -> None:
        async with Database(self.dsn) as database:
            for user in self.rows('SELECT id FROM "user"'):
                phone = Replica(Unremembered(database, user["id"]))
                await phone.pull()
                async with database.read() as connection:
                    assert phone.dump() == await truth(connection, user["id"])


@pytest.fixture
def watch(dsn: str) -> Watch:
    return Watch(dsn)


def test_of_two_servers_one_leads_and_the_other_takes_over(dsn: str, watch: Watch) -> None:
    with server(dsn, "first") as first, server(dsn, "second") as second, writer(dsn) as load:
        first.is_up()
        second.is_up()
        leader = watch.leader()
        load.says(30)
        assert watch.rows(LEADERS) == [leader]
        (first if leader["name"] == "first" else second).kill()
        load.says(30)
        assert wait_for(lambda: [r for r in watch.rows(LEADERS) if r["name"] != leader["name"]])
        load.kill()
        watch.check(load)


def test_a_sequencer_killed_in_the_middle_of_a_pass_leaves_no_trace(dsn: str, watch: Watch) -> None:
    with psycopg.connect(dsn) as blocker, server(dsn) as victim, writer(dsn) as load:
        watch.leader()
        blocker.execute("LOCK TABLE state")  # The pass numbers, then hangs in its projection.
        load.says(20)
        hangs = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'state'"
        wait_for(lambda: watch.rows(hangs))
        before = watch.head()
        victim.kill()
        assert watch.head() == before
        with server(dsn, "heir"):  # The dead one's session goes although its query still waits.
            assert wait_for(lambda: [r for r in watch.rows(LEADERS) if r["name"] == "heir"])
            load.kill()
            blocker.rollback()
            watch.check(load)
            assert watch.head() > before


def test_a_sequencer_that_was_stopped_and_wakes_up_later_does_no_harm(
    dsn: str, watch: Watch
) -> None:
    """As a machine that was suspended: its session was cut meanwhile, but it does not know."""
    with server(dsn, "zombie") as zombie:
        old = watch.leader()
        with server(dsn, "heir"), writer(dsn) as load:
            load.says(20)
            zombie.send(signal.SIGSTOP)
            watch.rows("SELECT pg_terminate_backend(%s)", old["pid"])
            wait_for(lambda: [r["name"] for r in watch.rows(LEADERS)] == ["heir"])
            load.says(20)
            zombie.send(signal.SIGCONT)
            load.says(40)
            assert [row["name"] for row in watch.rows(LEADERS)] == ["heir"]
            load.kill()
            watch.check(load)


def test_killing_servers_workers_and_writers_loses_and_doubles_nothing(
    dsn: str, watch: Watch
) -> None:
    loads = []
    with server(dsn):  # A stand-by is always there.
        for round_ in range(3):
            with server(dsn, "victim") as victim, worker(dsn) as busy, writer(dsn) as load:
                victim.is_up()
                load.says(30 + 7 * round_)
                busy.says(5)
                if round_ % 2:
                    watch.rows("SELECT pg_terminate_backend(%s)", watch.leader()["pid"])
                busy.kill()
                victim.kill()
                load.kill()
                loads.append(load)
        watch.check(*loads)
        with worker(dsn):
            watch.worked_off()
        watch.check(*loads)


def test_what_kills_each_worker_that_touches_it_is_given_up(dsn: str, watch: Watch) -> None:
    async def prepare() -> tuple[UUID, UUID]:
        async with Database(dsn) as database:
            alice = await new_user(database)
            deadly = await new_asset(database, alice, original_file_name="deadly")
            return deadly, await new_asset(database, alice)

    deadly, harmless = asyncio.run(prepare())
    dead = "SELECT entity_id, last_error FROM job WHERE dead_at IS NOT NULL"
    with server(dsn):
        for _ in range(12):
            with worker(dsn) as one:
                wait_for(lambda one=one: one.running.poll() is not None or watch.rows(dead))
            if watch.rows(dead):
                break
        with worker(dsn):
            watch.worked_off()
        assert watch.rows(dead) == [{"entity_id": deadly, "last_error": "The worker died of it"}]
        watch.check()
    found = watch.rows("SELECT entity_ids FROM log WHERE topic = 'asset.metadata_extracted'")
    assert [row["entity_ids"] for row in found] == [[harmless]]


def test_killing_postgres_under_load_loses_and_doubles_nothing(tmp_path: Path) -> None:
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="heliograph-"))
        postgres = Postgres(Path(folder), durable=False)
        stack.callback(postgres.stop)
        dsn = postgres.start()
        migrate(dsn)
        watch = Watch(dsn)
        stack.enter_context(server(dsn))
        stack.enter_context(worker(dsn))
        load = stack.enter_context(writer(dsn))
        for _ in range(2):
            load.says(40)
            assert postgres.process is not None
            postgres.process.kill()
            postgres.process.wait()
            assert postgres.start() == dsn
        load.says(40)
        load.kill()
        watch.worked_off()
        watch.check(load)
