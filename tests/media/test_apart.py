"""What goes wrong in a process of its own is a reason, and soon."""

from __future__ import annotations

import errno
import os
import resource
import signal
import time
from collections.abc import Callable

import pytest

from media import apart
from media.errors import UnreadableImage


def die() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def take_all_memory() -> int:
    return len(bytearray(64 << 30))


def never_end() -> None:
    time.sleep(600)


def refuse() -> None:
    raise UnreadableImage("It is too beautiful")


def panic() -> None:
    raise BaseException("panicked at the picture")


@pytest.mark.parametrize(
    ("work", "reason"),
    [
        (die, "The decoder crashed"),
        (take_all_memory, "more memory"),
        (refuse, "It is too beautiful"),
    ],
)
def test_what_goes_wrong_apart_is_a_reason(work: Callable[[], object], reason: str) -> None:
    with pytest.raises(UnreadableImage, match=reason):
        apart.run(work)


def be_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_is_killed_from_outside_is_worth_another_try() -> None:
    with pytest.raises(apart.NotApart, match="killed"):
        apart.run(be_killed)


def test_without_another_process_it_is_worth_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(process: object) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(apart._processes.Process, "start", fail)
    with pytest.raises(apart.NotApart, match="Cannot allocate memory"):
        apart.run(refuse)


def test_a_panic_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="panicked at the picture"):
        apart.run(panic)


def test_what_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "WALL_SECONDS", 0.2)
    with pytest.raises(UnreadableImage, match=r"longer than 0.2 seconds"):
        apart.run(never_end)


def test_what_counts_for_ever_is_ended() -> None:
    with pytest.raises(UnreadableImage, match="to decode"):
        apart.run(count_for_ever)


def count_for_ever() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (1, 2))
    while True:
        pass
