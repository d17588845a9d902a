"""Read the log, and follow it: sleep until the head moves, then read on from a position."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from sql import Connection, Database, Disconnected, reads
from sql.database import hear

POLL_SECONDS = 5.0  # A notification may be lost; a poll never is.
RECONNECT_SECONDS = 0.5

_decode = msgspec.msgpack.Decoder().decode


class Entry(NamedTuple):
    """A fact that happened, who may know it, and its place in history."""

    pos: int
    at: datetime
    topic: str
    scope: UUID
    entity_ids: list[UUID]
    audience: list[UUID]
    facts: dict[str, Any]


async def read(connection: Connection, after: int, limit: int = 1000) -> list[Entry]:
    rows = await reads.log.read_log(connection, after=after, limit=limit)
    return [Entry(**{**row, "facts": _decode(row["facts"])}) for row in rows]


async def head(database: Database) -> int:
    """The position of the newest entry."""
    async with database.read() as connection:
        return (await reads.log.head(connection))["pos"]


async def follow(database: Database, after: int) -> AsyncGenerator[list[Entry], None]:
    """Batches of entries after a position, for ever; survives the loss of its connection.

    When an older database was put back, it goes on where that one's own history begins.
    """
    epoch: UUID | None = None
    while True:
        try:
            async with database.listen("log") as connection:
                while True:
                    place = await reads.log.head(connection)
                    if epoch not in (None, place["epoch"]):
                        after = min(after, place["began"])
                    epoch, after = place["epoch"], min(after, place["pos"])
                    while after < place["pos"] and (entries := await read(connection, after)):
                        yield entries
                        after = entries[-1].pos
                    await hear(connection, POLL_SECONDS)
        except Disconnected:
            await asyncio.sleep(RECONNECT_SECONDS)
