"""Each process, killed before and after each statement it makes: nothing is lost or done twice."""

from __future__ import annotations

import asyncio
import operator
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from psycopg.conninfo import conninfo_to_dict

from sql import Database, writes
from sync import retention, worker
from sync.operations import renditions
from sync.topics import STORAGE_TEMPLATE, TOPICS, WORKFLOW
from sync.worker import Job, Record
from tests.fix_postgres import clone
from tests.sync.failpoints import Life, victims
from tests.sync.household import DEEDS, STEPS, Home, furnish, upload, upload_live_photo
from tests.sync.laws import assert_in_order, assert_level, assert_numbered
from tests.sync.library import FOUND, ask, ask_one, new_user, sequence, until
from tests.sync.replica import Replica, new_session
from tests.sync.test_retention import Phone

pytestmark = pytest.mark.timeout(600)  # Hundreds of deaths, and maybe a busy machine.

HEAD = "SELECT pos FROM log_head"
OTHERS = """SELECT 1 FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE locktype = 'advisory' AND classid = hashtext('heliograph.worker')::oid
      AND datname = current_database() AND objid <> %s::integer::oid"""
OF_TOPIC = "SELECT entity_ids FROM log WHERE topic = %s"
STAGED = "SELECT topic, entity_ids FROM log_staging ORDER BY id"
LOGGED = "SELECT pos, topic, scope, entity_ids FROM log ORDER BY pos"


class Owned(NamedTuple):
    user_id: UUID
    session_id: UUID
    phone: Replica  # with all there is in the template

    async def check(self, database: Database) -> None:
        source = Phone(database, self.user_id, self.session_id)
        await assert_level(database, self.user_id, self.phone.copy(source))


class Template:
    """A furnished database with a phone of each user, to be cloned for each death."""

    def __init__(self, server: str, dsn: str) -> None:
        self.server, self.dsn = server, dsn
        self.name = str(conninfo_to_dict(dsn)["dbname"])
        self.owned: list[Owned] = []

    async def furnish(self, prepare: Callable[[Database, Home], Awaitable[object]]) -> None:
        async with Database(self.dsn) as database:
            self.home = await furnish(database)
            await sequence(database)
            for user_id in (self.home.alice, self.home.bob, self.home.carol):
                session_id = await new_session(database, user_id)
                phone = Replica(Phone(database, user_id, session_id))
                await phone.pull()
                self.owned.append(Owned(user_id, session_id, phone))
            await sequence(database)
            self.head = await ask_one(database, HEAD)
            await prepare(database, self.home)

    @contextmanager
    def cloned(self) -> Iterator[str]:
        with clone(self.server, self.name) as dsn:
            yield dsn


async def nothing(database: Database, home: Home) -> None:
    pass


async def carry_out(database: Database, home: Home) -> None:
    for step in STEPS:
        async with database.write() as tx:
            await step(tx, home)


@pytest.fixture
def template(postgres: str) -> Iterator[Callable[..., Template]]:
    with clone(postgres) as dsn:

        def furnished(prepare: Callable[..., Any] = nothing) -> Template:
            template = Template(postgres, dsn)
            asyncio.run(template.furnish(prepare))
            return template

        yield furnished


Check = Callable[[Database, Template, Life], Awaitable[None]]


def count_deaths(script: str, template: Template, check: Check) -> int:
    """Kill at every point, and see what becomes of it."""
    with victims(script) as children, asyncio.Runner() as runner:
        for point in count():
            with template.cloned() as dsn:
                life = children.live(dsn, template.home, point)
                runner.run(_see(dsn, template, life, check, point))
            if not life.is_killed:
                return point
    raise AssertionError


async def _see(dsn: str, template: Template, life: Life, check: Check, point: int) -> None:
    """When somebody does what was left to do, and one thing more, all is well.

    The phones and the tables take turns: all of them at each point would take minutes.
    """
    async with Database(dsn) as database:
        await check(database, template, life)
        await new_user(database, "Dora")
        await sequence(database)
        await assert_numbered(database)
        turn = point % (len(template.owned) + 1)
        users = [row["id"] for row in await ask(database, 'SELECT id FROM "user"')]
        for number, one in enumerate(template.owned):
            if one.user_id in users and (number == turn or not life.is_killed):
                await one.check(database)
        if turn == len(template.owned) or not life.is_killed:
            await assert_in_order(database)


class Staged:
    """What each step of a writer leaves in the log, known from one that was left in peace."""

    def __init__(self, template: Template) -> None:
        self.upto: list[int] = [0]
        self.topics: list[tuple[str, int]] = []
        with template.cloned() as dsn:
            asyncio.run(self._learn(dsn, template.home))

    async def _learn(self, dsn: str, home: Home) -> None:
        async with Database(dsn) as database:
            for step in DEEDS:
                async with database.write() as tx:
                    await step(tx, home)
                self.topics = await self.look(database)
                self.upto.append(len(self.topics))

    async def look(self, database: Database) -> list[tuple[str, int]]:
        rows = await ask(database, STAGED)
        return [(row["topic"], len(row["entity_ids"])) for row in rows]

    async def check(self, database: Database, template: Template, life: Life) -> None:
        """All of what it said it did, or one step more that it had no time to speak of."""
        staged = await self.look(database)
        done = len(life.said)
        assert staged == self.topics[: len(staged)]
        assert len(staged) in self.upto[done : done + 1 + life.is_killed]


def test_a_writer_is_killed_at_each_statement(template: Any) -> None:
    home = template()
    assert count_deaths("write", home, Staged(home).check) > 80


def test_what_is_said_too_early_is_found_out(template: Any) -> None:
    home = template()
    with pytest.raises(AssertionError):
        count_deaths("write_hastily", home, Staged(home).check)


async def check_pass(database: Database, template: Template, life: Life) -> None:
    """It is there or it is not, for all to see, and it is there when its head was told."""
    head = await ask_one(database, HEAD)
    staged = await ask_one(database, "SELECT count(*) FROM log_staging")
    assert head >= max(life.said, default=template.head)
    assert staged == 0 or head in (template.head, *life.said)
    await sequence(database)
    wanted = [
        (queue.name, row["pos"], id_)
        for row in await ask(database, LOGGED)
        for queue in TOPICS[row["topic"]].queues
        if queue not in (STORAGE_TEMPLATE, WORKFLOW)  # Nobody has any.
        for id_ in ([row["scope"]] if queue.is_whole else row["entity_ids"])
    ]
    jobs = await ask(database, "SELECT queue, pos, entity_id FROM job")
    assert sorted(wanted) == sorted(tuple(job.values()) for job in jobs)


def test_a_sequencer_is_killed_at_each_statement(template: Any) -> None:
    assert count_deaths("sequence", template(carry_out), check_pass) > 40


def test_a_pass_in_pieces_is_found_out(template: Any) -> None:
    with pytest.raises(AssertionError):
        count_deaths("sequence_in_pieces", template(carry_out), check_pass)


async def find_all_but_three(database: Database, home: Home) -> None:
    await worker.drain(database, "metadata", consume)
    for step in (upload, upload_live_photo):
        async with database.write() as tx:
            await step(tx, home)
    await sequence(database)


async def consume(job: Job) -> Record:
    return lambda tx: renditions.record_metadata(tx, job.entity_id, FOUND)


async def check_work(database: Database, template: Template, life: Life) -> None:
    """Another worker finishes it, and what was found is found once."""
    async with database.listen("job") as session:
        number = await writes.jobs.take_number(session)
        await until(lambda: ask(database, OTHERS, number), is_met=operator.not_)
        async with database.write() as tx:
            await writes.jobs.release_abandoned(tx, attempts_max=5, apart=worker.APART)
        await worker.drain(database, "metadata", consume, worker=number)
    await sequence(database)
    uploaded, found = [
        Counter(id_ for row in await ask(database, OF_TOPIC, topic) for id_ in row["entity_ids"])
        for topic in ("asset.uploaded", "asset.metadata_extracted")
    ]
    assert found == uploaded
    assert set(found.values()) == {1}
    assert await ask(database, "SELECT * FROM job WHERE queue = 'metadata'") == []
    made = await ask_one(database, "SELECT count(*) FROM job WHERE queue = 'thumbnail'")
    assert made == len(found)


def test_a_worker_is_killed_at_each_statement(template: Any) -> None:
    assert count_deaths("work", template(find_all_but_three), check_work) > 30


async def carry_out_and_see(database: Database, home: Home) -> None:
    """No job needs the log any more."""
    await carry_out(database, home)
    await sequence(database)
    async with database.write() as tx:
        await tx.execute("DELETE FROM job")


async def check_night(database: Database, template: Template, life: Life) -> None:
    """Another night does the rest. Who was there in time is not sent away for it."""
    await retention.prune(database)
    floor = await ask_one(database, "SELECT pos FROM log_floor")
    left = "SELECT count(*) FROM state WHERE is_gone AND pos <= %s"
    assert await ask_one(database, left, floor) == 0


def test_a_night_is_cut_short_at_each_statement(template: Any) -> None:
    assert count_deaths("prune", template(carry_out_and_see), check_night) > 30
