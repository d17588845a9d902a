"""`python -m tests.sync.long_run --changes 1000000 --seed 1`: the machine, until so much changed.

A round that fails names its seed: the same command with it, and `--changes 1`, fails again.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from sql import Database, lines
from sql.database import LOOKUPS
from tests.fix_postgres import clone, running_postgres
from tests.sync.machine import Library

PAGE_LINES = 3  # So small that a page ends everywhere.

ROUND = settings(
    max_examples=20,
    stateful_step_count=100,
    deadline=None,
    database=None,
    report_multiple_bugs=False,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def run(dsn: str, how: settings, number: int | None = None) -> None:
    """Let the machine work on one database; a number makes it do the same every time."""
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--changes", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    asked = parser.parse_args()
    began = time.monotonic()
    with running_postgres() as server:
        for number in range(asked.seed, sys.maxsize):
            print(f"seed {number}", end="", flush=True)
            with clone(server) as dsn:
                run(dsn, ROUND, number)
            minutes = (time.monotonic() - began) / 60
            print(f": {Library.changes:,} changes so far, {minutes:.1f} min", flush=True)
            if Library.changes >= asked.changes:
                return


if __name__ == "__main__":
    main()
