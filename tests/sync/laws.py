"""What must hold whenever all is sequenced, whatever happened before."""

from __future__ import annotations

from uuid import UUID

from sql import Database
from tests.operations.state import differences
from tests.sync.library import ask, ask_one
from tests.sync.machine import agree
from tests.sync.oracle import truth
from tests.sync.replica import Replica, Unremembered


async def assert_in_order(database: Database) -> None:
    """Nothing waits, no position is missing, and the state is what the rows say."""
    await assert_numbered(database)
    assert await differences(database) == []


async def assert_numbered(database: Database) -> None:
    assert await ask_one(database, "SELECT count(*) FROM log_staging") == 0
    head = await ask_one(database, "SELECT pos FROM log_head")
    positions = [row["pos"] for row in await ask(database, "SELECT pos FROM log ORDER BY pos")]
    assert positions == [*range(positions[0], head + 1)]


async def assert_level(database: Database, user_id: UUID, follower: Replica) -> None:
    """Who follows, and who starts afresh, both have what there is."""
    fresh = Replica(Unremembered(database, user_id))
    await follower.pull()
    await fresh.pull()
    async with database.read() as connection:
        expected = await truth(connection, user_id)
    agree(follower.dump(), expected)
    agree(fresh.dump(), expected)
