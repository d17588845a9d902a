"""Processes that die at one statement: python -m tests.sync.failpoints SCRIPT, tasks on stdin.

Each task is done by a child of its own, which says what it has done and kills itself at the task's
point. A point is before each statement, and after each that commits: done, and nobody read of it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus

from sql import Connection, Database, writes
from sql.database import LOOKUPS
from sync import retention, sequencer, worker
from sync.operations import renditions
from sync.worker import Job, Record
from tests.sync.household import DEEDS, Home, upload
from tests.sync.library import FOUND

ROOT = Path(__file__).parents[2]
NEVER = -1


class Task(msgspec.Struct):
    dsn: str
    home: Home
    point: int


class Life(msgspec.Struct):
    """What a child said, a number in each line, and whether it was killed."""

    said: list[int]
    is_killed: bool


class Victims:
    """Children that do one script each; forked, so that none has to start from nothing."""

    def __init__(self, script: str) -> None:
        self._parent = subprocess.Popen(
            [sys.executable, "-m", __name__, script],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def live(self, dsn: str, home: Home, point: int = NEVER) -> Life:
        """Returns when the child is dead."""
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(msgspec.json.encode(Task(dsn, home, point)) + b"\n")
        self._parent.stdin.flush()
        said: list[int] = []
        for line in self._parent.stdout:
            word, number = line.split()
            if word == b"ended":
                assert int(number) in (0, -signal.SIGKILL), "It failed by itself"
                return Life(said, int(number) != 0)
            said.append(int(number))
        raise AssertionError("Nobody is left to fork")

    def end(self) -> None:
        self._parent.kill()
        self._parent.communicate()


@contextmanager
def victims(script: str) -> Iterator[Victims]:
    parent = Victims(script)
    try:
        yield parent
    finally:
        parent.end()


def arm(point: int) -> None:
    """From here on statements count."""
    if point == NEVER:
        return
    passed, wait = count(), AsyncConnection.wait

    def pass_point() -> None:
        if next(passed) == point:
            os.kill(os.getpid(), signal.SIGKILL)

    async def wait_or_die(self: Connection, *arguments: Any, **options: Any) -> Any:
        pass_point()
        answer = await wait(self, *arguments, **options)
        if self.info.transaction_status == TransactionStatus.IDLE:
            pass_point()
        return answer

    AsyncConnection.wait = wait_or_die  # type: ignore[method-assign, assignment]


def say(number: int) -> None:
    """For all to hear, whatever happens next."""
    os.write(sys.stdout.fileno(), f"said {number}\n".encode())


@asynccontextmanager
async def armed(task: Task) -> AsyncIterator[Database]:
    async with Database(task.dsn) as database:
        async with database.read():
            pass
        arm(task.point)
        yield database


async def write(task: Task) -> None:
    """All that happens to the household; says the number of each step that is committed."""
    async with armed(task) as database:
        for number, step in enumerate(DEEDS, 1):
            async with database.write() as tx:
                await step(tx, task.home)
            say(number)


async def write_hastily(task: Task) -> None:
    """Wrong: says so before it is true."""
    async with armed(task) as database:
        for number, step in enumerate(DEEDS, 1):
            async with database.write() as tx:
                await step(tx, task.home)
                say(number)


async def sequence(task: Task) -> None:
    """Lead, pass what waits, and what comes then; says each head."""
    async with armed(task) as database, database.session(options=LOOKUPS) as connection:
        assert await writes.sequencer.try_lead(connection)
        await writes.sequencer.renew_epoch(connection)
        say(await sequencer.sequence(connection) or 0)
        async with database.write() as tx:
            await upload(tx, task.home)
        say(await sequencer.sequence(connection) or 0)


async def sequence_in_pieces(task: Task) -> None:
    """Wrong: number, project and deliver are not one transaction."""
    with patch.object(AsyncConnection, "transaction", lambda _: nullcontext()):
        await sequence(task)


async def work(task: Task) -> None:
    """Find the metadata of all that waits for it."""

    async def consume(job: Job) -> Record:
        return lambda tx: renditions.record_metadata(tx, job.entity_id, FOUND)

    async with armed(task) as database, database.listen("job") as session:
        number = await writes.jobs.take_number(session)
        say(await worker.drain(database, "metadata", consume, worker=number))


async def prune(task: Task) -> None:
    """A night long after: two parts of the log are old, and more tombstones than go at once."""
    with patch.object(retention, "TOMBSTONES_MAX", 40):
        async with armed(task) as database:
            async with database.write() as tx:
                ago = {"ago": timedelta(days=100)}
                await tx.execute("UPDATE log_part SET began_at = began_at - %(ago)s", ago)
            await retention.prune(database)
            async with database.write() as tx:
                await tx.execute("UPDATE log_part SET cut_at = cut_at - %(ago)s", ago)
            say((await retention.prune(database)).tombstones)


SCRIPTS = {
    script.__name__: script
    for script in (write, write_hastily, sequence, sequence_in_pieces, work, prune)
}


def main(script: str) -> None:
    for line in sys.stdin.buffer:
        task = msgspec.json.decode(line, type=Task)
        child = os.fork()
        if child == 0:
            asyncio.run(SCRIPTS[script](task))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        os.write(sys.stdout.fileno(), f"ended {os.waitstatus_to_exitcode(status)}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1])
