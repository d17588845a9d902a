"""Is everything well? What `heliograph doctor` looks at, in words for the person who asked."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from enum import Enum
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from sql import Connection, Database, Disconnected, reads

FREE_BYTES_MIN = 1 << 30
STAGED_SECONDS_MAX = 10.0


class Verdict(Enum):
    WELL = "ok"
    LOOK = "look"  # works, and wants a person's eye
    WRONG = "wrong"


class Finding(NamedTuple):
    verdict: Verdict
    about: str
    text: str


async def examine(root: Path, dsn: str | None) -> AsyncIterator[Finding]:
    """One finding after the other; those that need the database only if it answers.

    `dsn` None: no address was given, and the embedded Postgres does not run.
    """
    for finding in _examine_folder(root):
        yield finding
    if dsn is None:
        yield Finding(Verdict.WRONG, "database", "not running; start it with `heliograph serve`")
        return
    try:
        async with Database(dsn).session() as connection, connection.transaction():
            async for finding in _examine_database(connection):
                yield finding
    except Disconnected as problem:
        yield Finding(Verdict.WRONG, "database", f"does not answer: {problem}")


def _examine_folder(root: Path) -> Iterator[Finding]:
    try:
        with tempfile.TemporaryFile(dir=root):
            yield Finding(Verdict.WELL, "data folder", f"{root} can be written")
        total, _, free = shutil.disk_usage(root)
    except OSError as problem:
        yield Finding(Verdict.WRONG, "data folder", f"{root}: {problem.strerror}")
        return
    verdict = Verdict.WELL if free >= FREE_BYTES_MIN else Verdict.WRONG
    yield Finding(verdict, "disk", f"{free / 1e9:.1f} GB of {total / 1e9:.1f} GB free")


async def _examine_database(connection: Connection) -> AsyncIterator[Finding]:
    missing = await _list_missing_migrations(connection)
    if missing:
        yield Finding(Verdict.WRONG, "schema", f"lacks {', '.join(missing)}: `heliograph migrate`")
        return
    health = await reads.health.get_health(connection)
    yield Finding(Verdict.WELL, "database", f"PostgreSQL {health['postgres_version']}, up to date")
    head = await reads.log.head(connection)
    yield Finding(Verdict.WELL, "log", f"position {head['pos']} of epoch {head['epoch']}")
    yield _judge(health["has_sequencer"], "sequencer", "leading", "nobody numbers the changes")
    yield Finding(
        Verdict.WELL if health["oldest_staged_seconds"] <= STAGED_SECONDS_MAX else Verdict.WRONG,
        "staged",
        f"{health['staged']} changes wait, the oldest {health['oldest_staged_seconds']:.1f} s",
    )
    held = len(await reads.doctor.list_quarantined(connection))
    yield Finding(
        Verdict.LOOK if held else Verdict.WELL,
        "quarantine",
        f"{held} lines would jam an app" + (": `heliograph doctor sync`" if held else ""),
    )
    workers = health["workers"]
    yield _judge(workers > 0, "worker", f"{workers} at work", "none is running")
    async for finding in _examine_queues(connection):
        yield finding


async def _list_missing_migrations(connection: Connection) -> list[str]:
    files = resources.files("sql").joinpath("schema").iterdir()
    wanted = {file.name for file in files if file.name.endswith(".sql")}
    if not await reads.health.is_migrated(connection):
        return sorted(wanted)
    applied = {row["name"] for row in await reads.health.list_migrations(connection)}
    return sorted(wanted - applied)


async def _examine_queues(connection: Connection) -> AsyncIterator[Finding]:
    for queue in await reads.jobs.count_jobs(connection):
        yield Finding(
            Verdict.LOOK if queue["dead"] else Verdict.WELL,
            f"jobs {queue['queue']}",
            f"{queue['waiting']} wait, {queue['active']} run, {queue['dead']} given up",
        )
    for job in await reads.jobs.list_dead(connection, limit=5):
        text = f"{job['entity_id']} after {job['attempts']} attempts: {job['last_error']}"
        yield Finding(Verdict.LOOK, f"jobs {job['queue']}", text)


def _judge(is_well: bool, about: str, well: str, wrong: str) -> Finding:
    return Finding(Verdict.WELL if is_well else Verdict.WRONG, about, well if is_well else wrong)
