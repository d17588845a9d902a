"""Changes lost or put out of order by ways to follow a database; the reference goes by the clock.

The same sixteen writers, who dawdle before they commit, and one reader, for each way in turn.
"""

from __future__ import annotations

import asyncio

import psycopg
from psycopg.conninfo import make_conninfo

from bench.figures import Figure
from bench.library import scratch_database
from sql import Database
from sql.migrate import migrate
from sync import sequencer
from tests.sync.test_loss import SHORTCUTS, Harness, Order, Sequenced

SECONDS = 5


def measure() -> list[Figure]:
    orders: dict[str, Order] = {"the log": Sequenced()}
    orders |= {name: order for name, (_, order) in SHORTCUTS.items()}
    figures = []
    with scratch_database() as dsn:
        for number, (name, order) in enumerate(orders.items()):
            own = make_conninfo(dsn, dbname=f"order_{number}")
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE order_{number}".encode())
            migrate(own)
            harness = asyncio.run(_run(own, order))
            aim = 0 if name == "the log" else None
            figures += [
                Figure("sync_correctness", f"{name}: written", len(harness.written), "changes"),
                Figure("sync_correctness", f"{name}: lost", harness.lost, "changes", aim, True),
                Figure(
                    "sync_correctness", f"{name}: out of order", harness.disordered, "changes",
                    aim, True,
                ),
            ]  # fmt: skip
    return figures


async def _run(dsn: str, order: Order) -> Harness:
    async with Database(dsn, connections_max=40) as database:
        running = asyncio.create_task(sequencer.run(database))
        harness = Harness(database, order)
        async with harness.writing():
            await asyncio.sleep(SECONDS)
        await harness.finish()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return harness
