"""What an administrator may have tidied up by hand, and nobody does unasked."""

from __future__ import annotations

from collections import defaultdict
from uuid import UUID

from server.context import Context
from sql import reads
from sync.actor import Actor
from sync.operations import people, tags


async def remove_faceless_people(context: Context) -> None:
    """People of whom there is no face any more."""
    while True:
        async with context.database.read() as connection:
            rows = await reads.jobs.list_faceless(connection)
        if not rows:
            return
        faceless: dict[UUID, list[UUID]] = defaultdict(list)
        for row in rows:
            faceless[row["owner_id"]].append(row["id"])
        for owner_id, ids in faceless.items():
            async with context.database.write() as tx:
                await people.delete_people(tx, Actor(owner_id, is_elevated=True), ids)


async def remove_unused_tags(context: Context) -> None:
    """Tags that no asset has; from below, so that those above may follow."""
    while True:
        async with context.database.read() as connection:
            rows = await reads.jobs.list_unused_tags(connection)
        if not rows:
            return
        async with context.database.write() as tx:
            for row in rows:
                await tags.delete_tag(tx, Actor(row["owner_id"], is_elevated=True), row["id"])
