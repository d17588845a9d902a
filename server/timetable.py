"""What is done at set times, by one process for all of a database; and the same by hand."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple

from aiohttp import web

from server import backups, beside, chores, cleanups, departures, integrity, releases
from server.chores import Chore
from server.context import CONTEXT, Context
from sql import Disconnected
from sync import schedule, worker
from sync.config import Config, Cron

logger = logging.getLogger(__name__)

START_SECONDS = 10.0  # Let those in who wait for the server.
NAP_SECONDS = 20.0  # A laptop that sleeps stops the clock that we wait by; and times are changed.
RETRY_SECONDS = 60.0


class Task(NamedTuple):
    name: str
    times: Callable[[Config], str | None]  # a cron expression; None: never
    do: Chore


def begin(app: web.Application, chore: Chore) -> None:
    """Do a chore now, beside the request that asks for it. What ends with the process is to be
    begun again by the next night."""
    beside.begin(app, _attempt(chore, app[CONTEXT]))


async def do_nightly(context: Context) -> None:
    await chores.do_all(context)


def _nightly(config: Config) -> str:
    hour, minute = config.nightly_tasks.start_time.split(":")
    return f"{int(minute)} {int(hour)} * * *"


def _backup(config: Config) -> str | None:
    backup = config.backup.database
    return backup.cron_expression if backup.enabled else None


def _releases(config: Config) -> str | None:
    return releases.EVERY_HOUR if config.new_version_check.enabled else None


def _integrity(check: str) -> Callable[[Config], str | None]:
    def times(config: Config) -> str | None:
        settings: Cron = getattr(config.integrity_checks, check)
        return settings.cron_expression if settings.enabled else None

    return times


TASKS: tuple[Task, ...] = (
    Task("nightly", _nightly, do_nightly),
    Task("backup", _backup, backups.back_up),
    Task("releases", _releases, releases.check),
    Task("missing files", _integrity("missing_files"), integrity.check_missing),
    Task("untracked files", _integrity("untracked_files"), integrity.check_untracked),
    Task("checksums", _integrity("checksum_files"), integrity.check_checksums),
)
# By Immich's names.
BY_HAND: dict[str, Chore] = {
    "backup-database": backups.back_up,
    "integrity-missing-files": integrity.check_missing,
    "integrity-untracked-files": integrity.check_untracked,
    "integrity-checksum-mismatch": integrity.check_checksums,
    # A check looks at what it had reported, too.
    "integrity-missing-files-refresh": integrity.check_missing,
    "integrity-untracked-files-refresh": integrity.check_untracked,
    "integrity-checksum-mismatch-refresh": integrity.check_checksums,
    "memory-cleanup": chores.forget_memories,
    "memory-create": chores.make_memories,
    "person-cleanup": cleanups.remove_faceless_people,
    "tag-cleanup": cleanups.remove_unused_tags,
    "user-cleanup": departures.remove_departed,
}


async def run(context: Context) -> None:
    """Until cancelled."""
    await asyncio.sleep(START_SECONDS)
    await _attempt(chores.mend, context)
    async with asyncio.TaskGroup() as running:
        while True:
            try:
                for task in await list_due(context):
                    running.create_task(_attempt(task.do, context))
                await chores.attempt(chores.tell_news, context)
            except Disconnected as error:
                logger.warning("The timetable waits for the database: %s", error)
            worker.end_if_cancelled()
            await asyncio.sleep(NAP_SECONDS)


async def list_due(context: Context) -> list[Task]:
    """What it is time for, and no other process has begun: from now on it is ours."""
    return [
        task
        for task in TASKS
        if (times := task.times(context.config))
        and await schedule.begin_if_due(context.database, task.name, times)
    ]


async def _attempt(chore: Chore, context: Context) -> None:
    """Until the database is there to do it in."""
    while True:
        try:
            await chores.attempt(chore, context)
        except Disconnected as error:
            logger.warning("%s waits for the database: %s", chore.__name__, error)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return
