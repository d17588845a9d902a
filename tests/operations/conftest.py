"""Some users, and a check after each test: the state is what the rows say."""

from __future__ import annotations

import pytest

from tests.operations.state import differences
from tests.sync.library import new_user, sequence


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
