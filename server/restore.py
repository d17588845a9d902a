"""Put a backup in the place of the database, and be able to go back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from server import backups
from server.context import Context
from sql.dump import DumpFailed, bring_up_to_date, load
from sync.operations import backups as operations
from sync.operations import maintenance
from sync.operations.maintenance import Mode

logger = logging.getLogger(__name__)

Tell = Callable[[str, int], None]  # the task, and how much of it all is done, of 100


async def restore(context: Context, path: Path, mode: Mode, *, tell: Tell) -> None:
    """While no other process uses the database. The mode stays on in what comes back.

    Raises DumpFailed or OSError, and then everything is as it was before.
    """
    if not await asyncio.to_thread(path.is_file):
        raise DumpFailed(f"There is no backup {path.name}")
    keep = maintenance.as_sql(mode)
    tell("backup", 5)
    point = await backups.write(context, prefix=backups.RESTORE_POINT)
    tell("restore", 10)
    await load(
        context.database.dsn, path, last=keep,
        tell=lambda part: tell("restore", 10 + int(80 * part)),
    )  # fmt: skip
    try:
        tell("migrations", 90)
        await asyncio.to_thread(bring_up_to_date, context.database.dsn)
    except DumpFailed:  # The new tables count already: bring the old ones back.
        tell("rollback", 90)
        await load(context.database.dsn, context.root / "backups" / point, last=keep)
        raise
    async with context.database.write() as tx:
        await operations.note_restore(tx, path.name)
    logger.info("Restored %s; before it was %s", path.name, point)
