"""Whose turn it is to do what one process of all does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sql import Database, writes


@asynccontextmanager
async def turn(database: Database, name: str) -> AsyncIterator[bool]:
    """Whether it is ours. If so it is nobody else's before this ends, or this process dies."""
    async with database.session() as connection:
        yield await writes.schedule.try_turn(connection, name=name)
