"""Make a backup of the database, and keep as many as are wanted."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime

from server.context import VERSION, Context
from sql import Database, Disconnected, reads
from sql.dump import DumpFailed, dump
from storage import backups
from sync import schedule
from sync.errors import Invalid
from sync.operations import backups as operations

logger = logging.getLogger(__name__)

RESTORE_POINT = "restore-point-"


async def back_up(context: Context) -> None:
    """By the clock or on demand, one at a time; what fails is in the log, and raised."""
    async with schedule.turn(context.database, "backup") as is_ours:
        if not is_ours:
            raise Invalid("A backup is being made already")
        try:
            name = await write(context)
        except (DumpFailed, OSError) as problem:
            with suppress(Disconnected):
                async with context.database.write() as tx:
                    await operations.note_failure(tx, str(problem))
            raise
        size = (await asyncio.to_thread(backups.path_of(context.root, name).stat)).st_size
        async with context.database.write() as tx:
            await operations.note_backup(tx, name, size)
        keep = context.config.backup.database.keep_last_amount
        pruned = await asyncio.to_thread(backups.prune, context.root, keep)
        logger.info("Backed the database up to %s; %d older ones went", name, len(pruned))


async def write(context: Context, *, prefix: str = "") -> str:
    """A backup under the next name, whole or not at all; return the name."""
    await asyncio.to_thread(backups.remove_parts, context.root)
    at, version = datetime.now(UTC), ".".join(map(str, VERSION))
    name = backups.name_of(at, version, await _postgres(context.database), prefix=prefix)
    part = await asyncio.to_thread(backups.part_of, context.root, name)
    try:
        await dump(context.database.dsn, part)
        await asyncio.to_thread(backups.finish, context.root, name)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return name


async def _postgres(database: Database) -> str:
    async with database.read() as connection:
        return str(await reads.settings.postgres_version(connection))
