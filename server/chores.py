"""What a server does at its start and every night: one process for all of a database."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from server import departures, films, libraries, limits, segments
from server.context import Context
from sql import Database, Disconnected, Transaction, reads
from storage import janitor, paths
from storage.janitor import Implausible
from sync import doctor, forms, retention, schedule, topics
from sync.config import NightlyTasks
from sync.operations import (
    assets,
    duplicates,
    jobs,
    memories,
    notifications,
    person_thumbnails,
    renditions,
    sessions,
    storage_template,
)

logger = logging.getLogger(__name__)

UNUSED = timedelta(days=90)
MEMORY_DAYS = timedelta(days=3)

Chore = Callable[[Context], Awaitable[None]]


async def do_all(context: Context) -> bool:
    """Every chore, unless another process is at it; return whether it was our turn."""
    return await _do(context, CHORES)


async def mend(context: Context) -> None:
    """After a start: what a process that died may have left half done. Not what reads everything,
    which a restart should not cost."""
    await _do(context, MENDING)


async def _do(context: Context, wanted: tuple[Chore, ...]) -> bool:
    async with schedule.turn(context.database, "chores") as is_ours:
        if is_ours:
            for chore in wanted:
                if chore not in OPTIONAL or OPTIONAL[chore](context.config.nightly_tasks):
                    await attempt(chore, context)
        return is_ours


async def attempt(chore: Chore, context: Context) -> None:
    """What cannot be done must not keep the rest from being done."""
    try:
        await chore(context)
    except Disconnected:
        raise
    except Exception:
        logger.exception("%s failed", chore.__name__)


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
        logger.warning("Removed %s: nothing claims it", key)
    if abandoned:
        logger.info("Removed %d unfinished files", abandoned)


async def drop_names(context: Context) -> None:
    """What was on its way to where the storage template wants it, and never arrived."""
    dropped = 1
    while dropped:
        async with context.database.write() as tx:
            dropped = await storage_template.drop_stale(tx)


async def empty_trash(context: Context) -> None:
    """What was thrown away so long ago that nobody wants it back."""
    before = datetime.now(UTC) - timedelta(days=context.config.trash.days)
    expired = 1
    while expired:
        async with context.database.write() as tx:
            expired = await assets.expire_trash(tx, before)


async def end_sessions(context: Context) -> None:
    """Those that expired, and those of devices that do not come back."""
    ended = 1
    while ended:
        async with context.database.write() as tx:
            ended = await sessions.delete_stale_sessions(tx, UNUSED)


async def request_missing(context: Context) -> None:
    """Compare results with assets: a lost job cannot stay lost."""
    count = await _request(context, reads.assets.list_unmade, renditions.request_metadata)
    if count:
        logger.warning("%d assets had lost their jobs", count)


async def request_outdated(context: Context) -> None:
    """Pictures that were made by other settings, or lost."""
    current = forms.current(context.config.image)
    list_outdated = partial(reads.assets.list_outdated, forms=current)
    count = await _request(context, list_outdated, renditions.request_thumbnails)
    if count:
        logger.info("Pictures of %d assets are out of date", count)


async def request_missing_person_thumbnails(context: Context) -> None:
    """The same of the pictures of people."""
    count = await _request(context, reads.people.list_unpictured, person_thumbnails.request)
    if count:
        logger.warning("%d people had lost their jobs", count)


async def request_missing_sidecars(context: Context) -> None:
    """The same of what people said and no file does."""
    after: UUID | None = UUID(int=0)
    while after is not None:
        async with context.database.write() as tx:
            after = await jobs.request(tx, topics.SIDECAR.name, after, is_forced=False)


async def _request(
    context: Context,
    list_lacking: Callable[..., Awaitable[Sequence[Mapping[str, Any]]]],
    request: Callable[[Transaction, UUID, Sequence[UUID]], Awaitable[None]],
) -> int:
    """Have made what the rows lack, page by page; return of how many."""
    after, count = UUID(int=0), 0
    while True:
        async with context.database.read() as connection:
            rows = await list_lacking(connection, after=after)
        if not rows:
            return count
        lacking = defaultdict(list)
        for row in rows:
            lacking[row["owner_id"]].append(row["id"])
        async with context.database.write() as tx:
            for owner_id, ids in lacking.items():
                await request(tx, owner_id, ids)
        after, count = rows[-1]["id"], count + len(rows)


async def forget_notifications(context: Context) -> None:
    """Those nobody looks at any more."""
    async with context.database.write() as tx:
        await notifications.forget_old(tx)


async def tell_news(context: Context) -> None:
    """Of albums that nobody added to for a while. Done more often than any chore of the night."""
    async with context.database.read() as connection:
        is_due = await reads.notifications.has_news(connection)
    if is_due:
        async with context.database.write() as tx:
            await notifications.tell_news(tx)


async def prune_log(context: Context) -> None:
    """What is long gone, and no device has to be told any more."""
    pruned = await retention.prune(context.database)
    if any(pruned):
        logger.info("Pruned %d parts of the log and %d tombstones; %d devices start anew", *pruned)


async def search_unfit(context: Context) -> None:
    """Lines that would jam an app, before one is jammed; and those that would not any more."""
    await doctor.search_all(context.database)


async def make_memories(context: Context) -> None:
    """Of the days around today, as far as they were not made."""
    today = datetime.now(UTC).date()
    async with context.database.read() as connection:
        due = await reads.memories.list_due(connection, day=today + MEMORY_DAYS)
    for user in due:
        for day in _days_after(user["upto"], today):
            async with context.database.write() as tx:
                await memories.remember_day(tx, user["id"], day)


async def forget_memories(context: Context) -> None:
    """Old ones, and those of which nothing is left to show."""
    for forget in (memories.forget_stale, memories.forget_hidden):
        forgotten = 1
        while forgotten:
            async with context.database.write() as tx:
                forgotten = await forget(tx)


async def group_identical(context: Context) -> None:
    """What came in with the same bytes twice, by upload and in external libraries."""
    while True:
        async with context.database.read() as connection:
            rows = await reads.duplicates.list_identical(connection)
        if not rows:
            return
        for row in rows:
            async with context.database.write() as tx:
                await duplicates.group_assets(tx, row["owner_id"], row["asset_ids"])


CHORES: tuple[Chore, ...] = (
    remove_litter,
    drop_names,
    empty_trash,
    end_sessions,
    departures.remove_departed,
    libraries.remove_deleted,
    departures.recount_usage,
    limits.forget_guesses,
    forget_notifications,
    request_missing,
    request_outdated,
    request_missing_person_thumbnails,
    request_missing_sidecars,
    films.request_missing_films,
    prune_log,
    search_unfit,
    make_memories,
    forget_memories,
    group_identical,
    segments.remove_leftovers,
)
MENDING: tuple[Chore, ...] = (
    remove_litter,
    drop_names,
    departures.remove_departed,
    libraries.remove_deleted,
    request_missing,
    request_missing_person_thumbnails,
    make_memories,
    segments.remove_leftovers,
)
# What an administrator may do without.
OPTIONAL: dict[Chore, Callable[[NightlyTasks], bool]] = {
    empty_trash: lambda tasks: tasks.database_cleanup,
    end_sessions: lambda tasks: tasks.database_cleanup,
    forget_notifications: lambda tasks: tasks.database_cleanup,
    prune_log: lambda tasks: tasks.database_cleanup,
    forget_memories: lambda tasks: tasks.database_cleanup,
    make_memories: lambda tasks: tasks.generate_memories,
    departures.recount_usage: lambda tasks: tasks.sync_quota_usage,
    request_missing: lambda tasks: tasks.missing_thumbnails,
    request_outdated: lambda tasks: tasks.missing_thumbnails,
    request_missing_person_thumbnails: lambda tasks: tasks.missing_thumbnails,
    films.request_missing_films: lambda tasks: tasks.missing_thumbnails,
}


def _days_after(done: date | None, today: date) -> Iterator[date]:
    """It is still yesterday somewhere, and an app is shown the next days ahead."""
    day = max(today - MEMORY_DAYS, done or date.min) + timedelta(days=1)
    while day <= today + MEMORY_DAYS:
        yield day
        day += timedelta(days=1)


def _claimed(database: Database, loop: asyncio.AbstractEventLoop, keys: list[str]) -> set[str]:
    """Those of the keys that the database knows, asked from another thread."""
    return asyncio.run_coroutine_threadsafe(_list_claimed(database, keys), loop).result()


async def _list_claimed(database: Database, keys: list[str]) -> set[str]:
    ids = {key: paths.id_in(key) for key in keys}
    named = [id_ for id_ in ids.values() if id_]
    async with database.read() as connection:
        assets = await reads.assets.list_claimed(connection, asset_ids=named, keys=keys)
        thumbnails = await reads.people.list_claimed(connection, person_ids=named, keys=keys)
        images = await reads.users.list_claimed(connection, keys=keys)
    rows = [*assets, *thumbnails, *images]
    claimed = {row["key"] for row in rows if row["key"]}
    # What is not named by an id is not ours to judge.
    return claimed | {key for key, id_ in ids.items() if id_ is None}
