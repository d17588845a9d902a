"""Whose turn it is to do what one process of all does, and when it is due."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from cronsim import CronSim, CronSimError

from sql import Database, reads, writes

AHEAD = timedelta(hours=1)  # More than this a clock is set back only if it was wrong.


@asynccontextmanager
async def turn(database: Database, name: str) -> AsyncIterator[bool]:
    """Whether it is ours. If so it is nobody else's before this ends, or this process dies."""
    async with database.session() as connection:
        yield await writes.schedule.try_turn(connection, name=name)


async def begin_if_due(database: Database, name: str, expression: str) -> bool:
    """Whether a time of the expression has come since it was last begun; then it is begun now, by
    us, and by nobody else.

    What is new, is given other times, or was begun in a future that a wrong clock told of, is next
    due from now on. All by the clock of the database: the machines' own may differ.
    """
    async with database.read() as connection:
        last = await reads.schedule.find_begun(connection, name=name)
        now, begun_at = last["now"], last["begun_at"]
        if begun_at is None or last["expression"] != expression or begun_at > now + AHEAD:
            await writes.schedule.count_from_now(connection, name=name, expression=expression)
            return False
        if next_after(expression, begun_at) > now:
            return False
        return await writes.schedule.begin(connection, name=name, begun_at=begun_at) > 0


def next_after(expression: str, moment: datetime) -> datetime:
    """The first time of an expression after a moment, by the clock on this machine's wall.

    An hour that comes twice in autumn counts once; one that is left out in spring begins early.
    """
    for wall in CronSim(expression, moment.astimezone().replace(tzinfo=None)):
        if (time := wall.astimezone()) > moment:
            return time
    raise ValueError(f"{expression} never comes")


def is_cron(expression: str) -> bool:
    """`0 2 * * *`; with six fields, the first is for seconds."""
    try:
        next(CronSim(expression, datetime(2000, 1, 1)))
    except (CronSimError, StopIteration):
        return False
    return True
