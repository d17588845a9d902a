"""Clocks that jump, back and forth: they say when something was, and decide nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from itertools import cycle
from uuid import UUID

import psycopg
import pytest

from sql import Database
from sql.migrate import migrate
from sync import retention, worker
from sync.operations import assets, renditions
from sync.worker import Job, Record
from tests.fix_postgres import clone
from tests.sync.household import STEPS, furnish, go
from tests.sync.laws import assert_in_order, assert_level
from tests.sync.library import FOUND, ask, ask_one, new_asset, new_user, sequence
from tests.sync.replica import Replica, new_session
from tests.sync.test_loss import Harness, Order, Sequenced, Shortcut
from tests.sync.test_retention import Phone

# Postgres looks here before it looks at its own.
CLOCK = """
DO $$ BEGIN EXECUTE format(
    'ALTER DATABASE %I SET search_path = public, clock, pg_catalog', current_database()); END $$;
CREATE SCHEMA clock;
CREATE TABLE clock.shift (by interval NOT NULL);
INSERT INTO clock.shift VALUES ('0');
CREATE FUNCTION clock.now() RETURNS timestamptz STABLE LANGUAGE sql
    AS 'SELECT pg_catalog.now() + by FROM clock.shift';
CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz VOLATILE LANGUAGE sql
    AS 'SELECT pg_catalog.clock_timestamp() + by FROM clock.shift';
"""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
JUMPS = [-HOUR, timedelta(), DAY, timedelta(), DAY, -HOUR]
BACKWARDS = """SELECT count(*) FROM log
    JOIN log AS later ON later.pos = log.pos + 1 AND later.at < log.at - interval '30 minutes'"""

Jump = Callable[[timedelta], Awaitable[None]]


@pytest.fixture
def dsn(postgres: str) -> Iterator[str]:
    """A database of which the clock is ours, from its first day."""
    with clone(postgres, "template0") as own:
        with psycopg.connect(own, autocommit=True) as connection:
            connection.execute(CLOCK.encode())
        migrate(own)
        yield own


@pytest.fixture
def jump(database: Database) -> Jump:
    """To so far from the right time."""

    async def jump(by: timedelta) -> None:
        async with database.read() as connection:
            await connection.execute("UPDATE clock.shift SET by = %s", [by])

    return jump


@pytest.fixture
async def restless(jump: Jump) -> AsyncIterator[None]:
    """The clock jumps all the time."""

    async def go_on() -> None:
        for by in cycle(JUMPS):
            await jump(by)
            await asyncio.sleep(0.03)

    jumping = asyncio.create_task(go_on())
    yield
    jumping.cancel()
    await asyncio.gather(jumping, return_exceptions=True)


async def harness_of(database: Database, order: Order) -> Harness:
    harness = Harness(database, order)
    async with harness.writing():
        await harness.is_believed.wait()
    await harness.finish()
    return harness


async def test_no_clock_puts_the_log_in_order(
    database: Database, sequencing: None, restless: None
) -> None:
    order = Sequenced()
    harness = await harness_of(database, order)
    assert (harness.lost, harness.doubled, harness.disordered) == (0, 0, 0)
    assert order.positions == list(range(1, len(order.positions) + 1))
    assert await ask_one(database, BACKWARDS) > 0, "the clock did not jump"


async def test_the_harness_catches_who_goes_by_the_clock(
    database: Database, restless: None
) -> None:
    horizon = "at < clock_timestamp() - interval '1 ms'"
    assert (await harness_of(database, Shortcut("at", ("2000-01-01",), horizon))).lost


async def new_phone(database: Database, user_id: UUID) -> Replica:
    phone = Replica(Phone(database, user_id, await new_session(database, user_id)))
    await phone.pull()
    return phone


async def test_phones_are_level_whatever_the_time(database: Database, jump: Jump) -> None:
    home = await furnish(database)
    await sequence(database)
    owners = (home.alice, home.bob, home.carol)
    phones = {owner: await new_phone(database, owner) for owner in owners}
    stays = [step for step in STEPS if step is not go]
    for step, by in zip(stays, cycle(JUMPS), strict=False):
        await jump(by)
        async with database.write() as tx:
            await step(tx, home)
        await sequence(database)
        for owner in owners:
            await phones[owner].pull()
    await assert_in_order(database)
    for owner in owners:
        await assert_level(database, owner, phones[owner])
        assert phones[owner].wipes == 0


async def test_a_lease_that_a_jump_ended_gives_no_second_result(
    database: Database, jump: Jump
) -> None:
    await new_asset(database, await new_user(database))
    await sequence(database)

    async def consume(job: Job) -> Record:
        return lambda tx: renditions.record_metadata(tx, job.entity_id, FOUND)

    async def be_overtaken(job: Job) -> Record:
        await jump(DAY)
        assert await worker.drain(database, "metadata", consume, worker=2) == 1
        await jump(-HOUR)
        return await consume(job)

    assert await worker.drain(database, "metadata", be_overtaken, worker=1) == 0
    await sequence(database)
    found = "SELECT count(*) FROM log WHERE topic = 'asset.metadata_extracted'"
    assert await ask_one(database, found) == 1


@pytest.fixture
async def away(database: Database, jump: Jump) -> AsyncIterator[Replica]:
    """A phone that was here 31 days ago, and an asset that was deleted since, on a cut log."""
    alice = await new_user(database)
    kept, gone = [await new_asset(database, alice) for _ in range(2)]
    await sequence(database)
    phone = await new_phone(database, alice.user_id)
    async with database.write() as tx:
        await assets.delete_assets(tx, alice, [gone])
    await sequence(database)
    await ask(database, "DELETE FROM job RETURNING pos")
    await jump(8 * DAY)
    await retention.prune(database)
    assert await ask_one(database, "SELECT count(*) FROM log_part") == 2
    yield phone
    await assert_level(database, alice.user_id, phone)
    assert (str(kept),) in phone.dump()["asset"]
    assert (str(gone),) not in phone.dump()["asset"]


@pytest.mark.parametrize("by", [-HOUR, 8 * DAY + DAY, (8 + 31) * DAY + DAY, (8 + 90) * DAY - HOUR])
async def test_what_a_phone_needs_outlasts_a_jump(
    database: Database, jump: Jump, away: Replica, by: timedelta
) -> None:
    await jump(by)
    assert (await retention.prune(database)).tombstones == 0
    await jump(8 * DAY)
    await away.pull()
    assert away.wipes == 0


async def test_a_jump_too_far_is_told_of(database: Database, jump: Jump, away: Replica) -> None:
    """What is forgotten is forgotten: the phone starts anew, and does not keep what is gone."""
    await jump(100 * DAY)
    assert (await retention.prune(database)).tombstones > 0
    await jump(8 * DAY)
    await away.pull()
    assert away.wipes == 1


async def test_a_night_in_the_wrong_year_makes_nothing_old(
    database: Database, jump: Jump, away: Replica
) -> None:
    """As on a board that does not know the time before it is told."""
    await jump(-20 * 365 * DAY)
    await retention.prune(database)
    await jump(9 * DAY)
    assert (await retention.prune(database)).tombstones == 0
    await away.pull()
    assert away.wipes == 0
