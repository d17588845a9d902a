"""Removes users who do not come back, a thousand assets at a time; it goes on where it ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

from aiohttp import web

from server.context import CONTEXT, Context
from sql import reads
from sync import schedule
from sync.operations import departures, users

logger = logging.getLogger(__name__)

Tasks = set[asyncio.Task[None]]
TASKS = web.AppKey("TASKS", Tasks)


async def run_beside(app: web.Application) -> AsyncIterator[None]:
    """While the application runs: what is not done when it ends is the next night's chore."""
    app[TASKS] = set()
    yield
    for task in app[TASKS]:
        task.cancel()
    await asyncio.gather(*app[TASKS], return_exceptions=True)


def begin(app: web.Application, user_id: UUID) -> None:
    """Remove somebody now, beside the request that asks for it."""
    task = asyncio.create_task(remove(app[CONTEXT], user_id))
    app[TASKS].add(task)
    task.add_done_callback(app[TASKS].discard)
    task.add_done_callback(_log_failure)


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


def _log_failure(task: asyncio.Task[None]) -> None:
    """Nobody waits for it, and the chore tries again."""
    if not task.cancelled() and (error := task.exception()):
        logger.error("Removing a user failed", exc_info=error)
