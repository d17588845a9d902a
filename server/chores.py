"""What a server does unasked, at its start and every night: one process for all of a database."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from aiohttp import web

from server.context import CONTEXT, Context
from sql import Database, Disconnected, reads
from storage import janitor
from storage.janitor import Implausible
from sync import doctor, retention, schedule
from sync.operations import renditions, sessions

logger = logging.getLogger(__name__)

START_SECONDS = 10.0  # Let those in who wait for the server.
NIGHT_HOUR = 3  # of the machine's own clock
RETRY_SECONDS = 60.0
NAP_SECONDS = 3600.0  # A laptop that sleeps stops the clock that we wait by.
UNUSED = timedelta(days=90)
UUID_CHARACTERS = 36

Chore = Callable[[Context], Awaitable[None]]


async def run_beside(app: web.Application) -> AsyncIterator[None]:
    """While the application runs."""
    running = asyncio.create_task(_run(app[CONTEXT]))
    yield
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def do_all(context: Context) -> bool:
    """Every chore, unless another process is at it; return whether it was our turn."""
    async with schedule.turn(context.database, "chores") as is_ours:
        if is_ours:
            for chore in CHORES:
                try:
                    await chore(context)
                except Disconnected:
                    raise
                except Exception:  # One that cannot be done must not keep the others from it.
                    logger.exception("%s failed", chore.__name__)
        return is_ours


async def remove_litter(context: Context) -> None:
    """Files of dead processes, and those that no row claims."""
    abandoned = await asyncio.to_thread(janitor.remove_abandoned, context.root)
    claimed = partial(_claimed, context.database, asyncio.get_running_loop())
    try:
        removed = await asyncio.to_thread(
            janitor.remove_unclaimed, context.root, claimed, grace_seconds=janitor.GRACE_SECONDS
        )
    except Implausible as problem:
        logger.error("%s. Is this the right database for %s?", problem, context.root)
        return
    for key in removed:
        logger.warning("Removed %s: no asset claims it", key)
    if abandoned:
        logger.info("Removed %d unfinished files", abandoned)


async def end_sessions(context: Context) -> None:
    """Those that expired, and those of devices that do not come back."""
    ended = 1
    while ended:
        async with context.database.write() as tx:
            ended = await sessions.delete_stale_sessions(tx, UNUSED)


async def request_missing(context: Context) -> None:
    """Compare results with assets: a lost job cannot stay lost."""
    after = UUID(int=0)
    while True:
        async with context.database.read() as connection:
            rows = await reads.assets.list_unmade(connection, after=after)
        if not rows:
            return
        lacking = defaultdict(list)
        for row in rows:
            lacking[row["owner_id"]].append(row["id"])
        async with context.database.write() as tx:
            for owner_id, ids in lacking.items():
                await renditions.request_metadata(tx, owner_id, ids)
        logger.warning("%d assets had lost their jobs", len(rows))
        after = rows[-1]["id"]


async def prune_log(context: Context) -> None:
    """What is long gone, and no device has to be told any more."""
    pruned = await retention.prune(context.database)
    if any(pruned):
        logger.info("Pruned %d parts of the log and %d tombstones; %d devices start anew", *pruned)


async def search_unfit(context: Context) -> None:
    """Lines that would jam an app, before one is jammed; and those that would not any more."""
    await doctor.search_all(context.database)


CHORES: tuple[Chore, ...] = (
    remove_litter, end_sessions, request_missing, prune_log, search_unfit
)  # fmt: skip


async def _run(context: Context) -> None:
    due, pause = datetime.now().astimezone(), START_SECONDS
    while True:
        await asyncio.sleep(pause)
        if datetime.now().astimezone() >= due:
            try:
                await do_all(context)
            except Disconnected as error:
                logger.warning("Chores wait for the database: %s", error)
                pause = RETRY_SECONDS
                continue
            due = next_night(datetime.now().astimezone())
        pause = min(NAP_SECONDS, (due - datetime.now().astimezone()).total_seconds())


def next_night(now: datetime) -> datetime:
    """The next time it is night, in the same zone."""
    night = now.replace(hour=NIGHT_HOUR, minute=0, second=0, microsecond=0)
    return night if night > now else night + timedelta(days=1)


def _claimed(database: Database, loop: asyncio.AbstractEventLoop, keys: list[str]) -> set[str]:
    """Those of the keys that the database knows, asked from another thread."""
    return asyncio.run_coroutine_threadsafe(_list_claimed(database, keys), loop).result()


async def _list_claimed(database: Database, keys: list[str]) -> set[str]:
    asset_ids = {key: _asset_id(key) for key in keys}
    named = [id_ for id_ in asset_ids.values() if id_]
    async with database.read() as connection:
        rows = await reads.assets.list_claimed(connection, asset_ids=named, keys=keys)
    # What is not named after an asset is not ours to judge.
    return {row["key"] for row in rows} | {key for key, id_ in asset_ids.items() if id_ is None}


def _asset_id(key: str) -> UUID | None:
    """All files of an asset begin with its id."""
    name = key.rpartition("/")[2]
    try:
        return UUID(name[:UUID_CHARACTERS])
    except ValueError:
        return None
