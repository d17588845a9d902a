"""Processes that are killed while they write a sidecar: python -m tests.media.dying_writer.

Each task, a line on stdin, is done by a child of its own. A point is before each line of ours that
makes a sidecar, puts it in its place, or records it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec

from media.beside import sidecar_consumer
from sql import Database
from sync import worker

ROOT = Path(__file__).parents[2]
WATCHED = tuple(
    str(ROOT / name)
    for name in ("media/beside.py", "storage/files.py", "sync/operations/sidecars.py")
)


class Task(msgspec.Struct):
    dsn: str
    root: str
    point: int


class Victims:
    """Forked children, so that none has to start from nothing."""

    def __init__(self, parent: subprocess.Popen[bytes]) -> None:
        self._parent = parent

    def live(self, task: Task) -> bool:
        """Whether it was killed."""
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(msgspec.json.encode(task) + b"\n")
        self._parent.stdin.flush()
        code = int(self._parent.stdout.readline())
        assert code in (0, -signal.SIGKILL), "It failed by itself"
        return code != 0


@contextmanager
def victims() -> Iterator[Victims]:
    command = [sys.executable, "-m", __name__]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        try:
            yield Victims(parent)
        finally:
            parent.kill()


def arm(point: int) -> None:
    passed = count()

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename not in WATCHED:
            return None
        if event == "line" and next(passed) == point:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    threading.settrace(trace)
    sys.settrace(trace)


async def live(task: Task) -> None:
    async with Database(task.dsn) as database:
        consumer = sidecar_consumer(database, Path(task.root), None)
        arm(task.point)
        await worker.drain(database, "sidecar", consumer, lease=timedelta())


def main() -> None:
    for line in sys.stdin.buffer:
        task = msgspec.json.decode(line, type=Task)
        child = os.fork()
        if child == 0:
            asyncio.run(live(task))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
