"""What is due at set times is begun once, whichever process looks, and whatever clocks do."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import pytest

from sql import Database
from sync import schedule
from tests.sync.library import ask

EVERY_NIGHT = "0 2 * * *"


async def set_back(database, interval):
    await ask(
        database,
        "UPDATE timetable SET begun_at = now() - %s::interval RETURNING 1 AS one",
        interval,
    )


async def is_due(database, expression=EVERY_NIGHT):
    return await schedule.begin_if_due(database, "backup", expression)


async def test_what_is_new_waits_for_its_time(database):
    assert not await is_due(database)
    assert not await is_due(database)


async def test_one_of_many_begins_it_and_not_again_before_its_next_time(database):
    await is_due(database)
    await set_back(database, "1 day")

    assert sorted(await asyncio.gather(*(is_due(database) for _ in range(8)))) == 7 * [0] + [1]
    assert not await is_due(database)


async def test_what_was_missed_while_nobody_ran_is_begun_once(database):
    await is_due(database)
    await set_back(database, "10 days")

    assert await is_due(database)
    assert not await is_due(database)


async def test_other_times_count_from_now(database):
    await is_due(database)
    await set_back(database, "1 day")

    assert not await is_due(database, "0 3 * * *")
    await set_back(database, "1 day")
    assert await is_due(database, "0 3 * * *")


async def test_a_clock_that_was_wrong_does_not_put_it_off_for_years(database):
    await is_due(database)
    await set_back(database, "-5 years")

    assert not await is_due(database)
    await set_back(database, "1 day")
    assert await is_due(database)


async def test_a_clock_that_is_put_right_does_not_have_it_done_twice(database):
    await is_due(database, "* * * * *")
    await set_back(database, "-5 minutes")

    assert not await is_due(database, "* * * * *")


@pytest.fixture
def zone(monkeypatch):
    def zone(name):
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield zone
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("name", "expression", "after", "due"),
    [
        ("UTC", EVERY_NIGHT, "2024-05-06T01:59:59", "2024-05-06T02:00:00"),
        ("UTC", EVERY_NIGHT, "2024-05-06T02:00:00", "2024-05-07T02:00:00"),
        ("UTC", "*/15 * * * *", "2024-05-06T02:14:59", "2024-05-06T02:15:00"),
        ("America/New_York", EVERY_NIGHT, "2024-12-31T23:00:00", "2025-01-01T07:00:00"),
        # Spring: there is no half past two; autumn: there are two.
        ("Europe/Berlin", "30 2 * * *", "2024-03-30T12:00:00", "2024-03-31T00:30:00"),
        ("Europe/Berlin", "30 2 * * *", "2024-10-26T12:00:00", "2024-10-27T00:30:00"),
        ("Europe/Berlin", "30 2 * * *", "2024-10-27T00:30:00", "2024-10-28T01:30:00"),
        ("Europe/Berlin", "*/30 * * * *", "2024-10-27T01:10:00", "2024-10-27T02:00:00"),
    ],
)
def test_times_are_those_of_the_clock_on_the_wall(zone, name, expression, after, due):
    zone(name)
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    assert schedule.next_after(expression, moment) == datetime.fromisoformat(due).replace(
        tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("expression", "is_one"),
    [
        ("0 02 * * *", True),
        ("*/10 * * * MON-FRI", True),
        ("0 0 2 * * *", True),
        ("", False),
        ("60 * * * *", False),
        ("0 0 31 2 *", False),
        ("@daily", False),
    ],
)
def test_expressions_are_cron_s_and_come_some_day(expression, is_one):
    assert schedule.is_cron(expression) == is_one


async def test_another_process_is_told_by_the_database(database, dsn):
    await is_due(database)
    await set_back(database, "1 day")
    async with Database(dsn) as other:
        assert await is_due(other)
    assert not await is_due(database)
