"""A first sync of a library of 1,000,000 assets (or ASSETS=n), from a server that just started."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import psycopg

from bench.drain import LINES, Drained, drain
from bench.figures import Figure, Timer
from bench.library import populate, scratch_database, served, stored_bytes, wait_until_sequenced
from bench.processes import peak_bytes, resident_bytes

ASSETS = int(os.environ.get("ASSETS", "1000000"))


def measure() -> list[Figure]:
    with scratch_database() as dsn, tempfile.TemporaryDirectory() as folder:
        with psycopg.connect(dsn) as connection:
            populate(connection, ASSETS)
        with served(dsn, Path(folder)), Timer() as one_pass:
            wait_until_sequenced(dsn)
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(b"VACUUM ANALYZE")
        with served(dsn, Path(folder)) as (url, pid):
            before = resident_bytes(pid)
            plain = drain(url, "identity", ASSETS)
            zipped = drain(url, "gzip", ASSETS)
            growth = peak_bytes(pid) - before
        sizes = stored_bytes(dsn)
    return [
        Figure("million", "assets", ASSETS, "assets"),
        Figure("million", "sequenced in one pass", ASSETS / one_pass.seconds, "entries/s"),
        *_figures("plain", plain),
        *_figures("gzip", zipped),
        Figure("million", "growth, at its highest", growth / 1e6, "MB", 64, is_cost=True),
        *(
            Figure("million", f"size of {name}", size / ASSETS, "bytes/asset")
            for name, size in sizes.items()
        ),
    ]


def _figures(name: str, drained: Drained) -> list[Figure]:
    return [
        Figure("million", f"{name}: first byte", drained.first * 1000, "ms"),
        Figure("million", f"{name}: total", drained.seconds, "s"),
        Figure("million", f"{name}: rows", LINES * ASSETS / drained.seconds, "rows/s"),
        Figure("million", f"{name}: bytes", drained.bytes / 1e6, "MB"),
    ]
