"""`python -m tests.sync.long_run --changes 1000000 --seed 1`: the machine, until so much changed.

With `--workers 14` as many processes share the seeds, each with a Postgres of its own; `--seconds`
ends it earlier, without the rounds that are under way. A round that fails names its seed: the same
command with it, and `--changes 1`, chooses the same again, though ids are random every time.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from sql import Database, lines
from sql.database import LOOKUPS
from tests.fix_postgres import clone, running_postgres
from tests.sync.machine import Library

PAGE_LINES = 3  # So small that a page ends everywhere.
SECONDS_MAX = 24 * 60 * 60

ROUND = settings(
    max_examples=20,
    stateful_step_count=100,
    deadline=None,
    database=None,
    report_multiple_bugs=False,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True)
class Round:
    """What a worker tells of one seed; `failure` is empty, or a traceback."""

    seed: int
    changes: int
    failure: str = ""


def run(dsn: str, how: settings, number: int | None = None) -> None:
    """Let the machine work on one database; a number makes it choose the same every time."""
    machine = type("Library", (Library,), {})
    with asyncio.Runner() as runner, patch.object(lines, "PAGE_LINES", PAGE_LINES):
        machine.run = staticmethod(runner.run)
        machine.database = runner.run(Database(dsn).__aenter__())
        session = machine.database.session(options=LOOKUPS)
        machine.connection = runner.run(session.__aenter__())
        try:
            run_state_machine_as_test(
                machine if number is None else seed(number)(machine), settings=how
            )
        finally:
            runner.run(session.__aexit__(None, None, None))
            runner.run(machine.database.__aexit__())


def work(server: str, first: int, step: int, teller: Connection) -> None:
    """One worker: a round for every so-many-th seed, for as long as it is let."""
    for number in range(first, sys.maxsize, step):
        before, failure = Library.changes, ""
        try:
            with clone(server) as dsn:
                run(dsn, ROUND, number)
        except Exception:
            failure = traceback.format_exc()
        teller.send(Round(number, Library.changes - before, failure))


@contextmanager
def working(servers: list[str], first: int) -> Iterator[dict[Connection, int]]:
    """A worker for each server: where it tells of its rounds, and the seed it begins with."""
    spawn = get_context("spawn")
    seeds: dict[Connection, int] = {}
    with ExitStack() as stack:
        for number, server in enumerate(servers, first):
            reader, teller = spawn.Pipe(duplex=False)
            arguments = (server, number, len(servers), teller)
            worker = spawn.Process(target=work, args=arguments, daemon=True)
            worker.start()
            stack.callback(worker.join)
            stack.callback(worker.kill)
            teller.close()  # The worker's alone: so its death is heard.
            seeds[reader] = number
        yield seeds


def rounds(seeds: dict[Connection, int], until: float) -> Iterator[Round]:
    """As they end."""
    step = len(seeds)
    while ready := wait(list(seeds), max(0, until - time.monotonic())):
        for reader in ready:
            assert isinstance(reader, Connection)
            try:
                yield reader.recv()
            except EOFError:
                yield Round(seeds[reader], 0, "The worker died")
            seeds[reader] += step


def main() -> None:
    asked = _asked()
    began, changes = time.monotonic(), 0
    with ExitStack() as stack:
        servers = [stack.enter_context(running_postgres()) for _ in range(asked.workers)]
        seeds = stack.enter_context(working(servers, asked.seed))
        for ended in rounds(seeds, began + asked.seconds):
            changes += ended.changes
            minutes = (time.monotonic() - began) / 60
            print(f"seed {ended.seed}: {changes:,} changes so far, {minutes:.1f} min", flush=True)
            if ended.failure:
                sys.exit(f"{ended.failure}\nseed {ended.seed} failed")
            if changes >= asked.changes:
                break
    speed = changes / (time.monotonic() - began)
    print(f"{changes:,} changes, {speed:,.0f} each second, none that failed")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--changes", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=SECONDS_MAX)
    return parser.parse_args()


if __name__ == "__main__":
    main()
