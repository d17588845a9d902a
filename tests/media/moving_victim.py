"""Processes that die while they move originals: python -m tests.media.moving_victim.

Each task, a line on stdin, is done by a child of its own. A point is before each change of the disk
and after each of the database: what is not committed never was.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus

from sql import Connection, Database, writes
from tests.media.moving import Home

CHANGES = {"os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.utime"}


class Task(msgspec.Struct):
    dsn: str
    root: str
    point: int
    can_link: bool


def arm(task: Task) -> None:
    passed, wait = count(), AsyncConnection.wait

    def pass_point() -> None:
        if next(passed) == task.point:
            os.kill(os.getpid(), signal.SIGKILL)

    async def wait_or_die(self: Connection, *arguments: Any, **options: Any) -> Any:
        answer = await wait(self, *arguments, **options)
        if self.info.transaction_status == TransactionStatus.IDLE:
            pass_point()
        return answer

    def change_or_die(event: str, arguments: tuple[Any, ...]) -> None:
        if event in CHANGES or (event == "open" and arguments[2] & os.O_CREAT):
            pass_point()

    AsyncConnection.wait = wait_or_die  # type: ignore[method-assign, assignment]
    sys.addaudithook(change_or_die)


def refuse(*_: object, **__: object) -> None:
    raise OSError(errno.EXDEV, "another disk")


async def live(task: Task) -> None:
    async with Database(task.dsn) as database, database.listen("job") as session:
        number = await writes.jobs.take_number(session)
        arm(task)
        await Home(database, Path(task.root)).work(number=number)


def main() -> None:
    for line in sys.stdin.buffer:
        task = msgspec.json.decode(line, type=Task)
        child = os.fork()
        if child == 0:
            if not task.can_link:
                os.link = refuse
            asyncio.run(live(task))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        os.write(sys.stdout.fileno(), f"{os.waitstatus_to_exitcode(status)}\n".encode())


if __name__ == "__main__":
    main()
