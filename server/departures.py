"""Removes users who do not come back, a thousand assets at a time; it goes on where it ended."""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID

from server.context import Context
from sql import reads
from sync import schedule
from sync.operations import departures, users

logger = logging.getLogger(__name__)


async def remove_departed(context: Context) -> None:
    """A chore: all who were deleted so long ago, and whose removal was cut off."""
    delay = timedelta(days=context.config.user.delete_delay)
    async with context.database.write() as tx:
        await departures.end_delays(tx, delay)
    async with context.database.read() as connection:
        rows = await reads.departures.list_removing(connection)
    for row in rows:
        await remove(context, row["id"])


async def remove(context: Context, user_id: UUID) -> None:
    """Unless another process is at it."""
    async with schedule.turn(context.database, f"departure {user_id}") as is_ours:
        goes_on = is_ours
        while goes_on:
            async with context.database.write() as tx:
                goes_on = await departures.remove_some(tx, user_id)


async def recount_usage(context: Context) -> None:
    """A chore: what is noted of each user's files is kept with every change, and still checked."""
    async with context.database.read() as connection:
        rows = await reads.users.list_ids(connection)
    for row in rows:
        async with context.database.write() as tx:
            if await users.recount_usage(tx, row["id"]):
                logger.warning("The usage of user %s was noted wrong", row["id"])
