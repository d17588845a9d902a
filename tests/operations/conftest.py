"""Some users, and a check after each test: the state is what the rows say."""

from __future__ import annotations

import asyncio

import pytest

from tests.operations.state import differences
from tests.sync.library import ask_one, new_user, sequence, until

WAITING = """SELECT count(*) FROM pg_stat_activity
              WHERE datname = current_database() AND wait_event_type = 'Lock'"""


@pytest.fixture
async def alice(database):
    return await new_user(database, "Alice")


@pytest.fixture
async def bob(database):
    return await new_user(database, "Bob")


@pytest.fixture
async def carol(database):
    return await new_user(database, "Carol")


@pytest.fixture
def do(database):
    """Carry out one operation, and see that the state follows: `await do(operation, actor, ...)`.

    A refusal leaves nothing behind, in the log neither.
    """

    async def do(operation, *values, **details):
        async with database.write() as tx:
            answer = await operation(tx, *values, **details)
        await sequence(database)
        assert await differences(database) == []
        return answer

    return do


@pytest.fixture
def refused(database):
    """See that operations are refused: `await refused(Invalid, operation, actor, ...)`."""

    async def refused(kind, operation, *values, match=None, **details):
        await sequence(database)
        with pytest.raises(kind, match=match):
            async with database.write() as tx:
                await operation(tx, *values, **details)
        assert await sequence(database) is None

    return refused


@pytest.fixture
def start(database):
    """Begin an operation in a transaction of its own; go on when it waits for another, or is done.

    What it answers is no error, but for a refusal.
    """

    async def work(operation, *values, **details):
        async with database.write() as tx:
            await operation(tx, *values, **details)

    async def start(operation, *values, **details):
        before = await ask_one(database, WAITING)
        task = asyncio.create_task(work(operation, *values, **details))

        async def is_stuck():
            return task.done() or await ask_one(database, WAITING) > before

        await until(is_stuck)
        return task

    return start
