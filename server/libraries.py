"""Forgets libraries that were deleted, a thousand assets at a time; it goes on where it ended."""

from __future__ import annotations

from server.context import Context
from sql import reads
from sync import schedule
from sync.operations import libraries


async def remove_deleted(context: Context) -> None:
    """A chore: all whose removal was asked for, or was cut off."""
    async with context.database.read() as connection:
        rows = await reads.libraries.list_leaving(connection)
    for row in rows:
        async with schedule.turn(context.database, f"library {row['id']}") as is_ours:
            goes_on = is_ours
            while goes_on:
                async with context.database.write() as tx:
                    goes_on = await libraries.forget_some(tx, row["id"], row["owner_id"])
