"""Whose turn it is to do what one process of all does, and when it is due."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from cronsim import CronSim, CronSimError

from sql import Database, writes


@asynccontextmanager
async def turn(database: Database, name: str) -> AsyncIterator[bool]:
    """Whether it is ours. If so it is nobody else's before this ends, or this process dies."""
    async with database.session() as connection:
        yield await writes.schedule.try_turn(connection, name=name)


def is_cron(expression: str) -> bool:
    """`0 2 * * *`; with six fields, the first is for seconds."""
    try:
        next(CronSim(expression, datetime(2000, 1, 1)))
    except (CronSimError, StopIteration):
        return False
    return True
