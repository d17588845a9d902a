"""A whole served instance as a user starts it, and what runs of it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

WAIT_SECONDS = 60


class Instance:
    """`python -m server.supervisor` over one data folder, on a free port."""

    def __init__(self, root: Path, *arguments: str, **environment: str) -> None:
        self.root = root
        ours = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        self.environment = ours | {
            "HELIOGRAPH_DATA": str(root),
            "HELIOGRAPH_PORT": "0",
            **environment,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "server.supervisor", *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    @property
    def output(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def await_ready(self) -> str:
        """The address of the server."""
        word, _, url = self.output.readline().strip().partition(" ")
        assert word == "ready", self.process.communicate()[1]
        return url

    def await_message(self, text: str) -> None:
        """Until the supervisor, or one of its children, says so."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if text in line:
                return
        raise AssertionError(f"it ended and never said: {text}")

    def find(self, *words: str) -> list[int]:
        """The running processes of this instance whose command line contains all words."""
        return [
            pid
            for pid, line, environment in _processes()
            if (f"HELIOGRAPH_DATA={self.root}" in environment or str(self.root) in line)
            and all(word in line for word in words)
        ]

    def kill(self, *words: str) -> None:
        for pid in self.find(*words):
            os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        await_true(lambda: not self.find())


def ping(url: str) -> bytes:
    with urllib.request.urlopen(f"{url}/api/server/ping", timeout=WAIT_SECONDS) as answer:
        body: bytes = answer.read()
    return body


def await_ends(pids: list[int]) -> None:
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        assert select.select([handle], [], [], WAIT_SECONDS)[0], f"{pid} still runs"
        os.close(handle)


def await_true(condition: Callable[[], object]) -> None:
    """For what nobody announces."""
    for _ in range(WAIT_SECONDS * 50):
        if condition():
            return
        select.select([], [], [], 0.02)
    raise AssertionError("it never became true")


def _processes() -> Iterator[tuple[int, str, str]]:
    for name in filter(str.isdigit, os.listdir("/proc")):
        if int(name) == os.getpid():
            continue
        try:
            words, environment = (
                Path(f"/proc/{name}/{file}").read_bytes().decode(errors="replace")
                for file in ("cmdline", "environ")
            )
        except OSError:
            continue
        yield int(name), words.replace("\0", " "), environment
