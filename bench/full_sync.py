"""A first sync of 100,000 assets with their exif, over HTTP, by an app that only drains it."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

import psycopg

from bench.drain import LINES, drain, request
from bench.figures import Figure, Timer
from bench.library import (
    OWNER,
    populate,
    scratch_database,
    served,
    stored_bytes,
    wait_until_sequenced,
)
from bench.processes import resident_bytes

ASSETS, RUNS = 100_000, 3
ROWS = LINES * ASSETS
SLOW_SECONDS, SLOW_BYTES_PER_SECOND = 12, 8_000
RAW = f"""
COPY (SELECT data FROM state WHERE kind IN ('asset', 'asset_exif') AND scope = '{OWNER}'
         AND data IS NOT NULL ORDER BY kind, pos)
TO STDOUT (FORMAT csv, DELIMITER E'\\x02', QUOTE E'\\x01')
"""


def measure() -> list[Figure]:
    with scratch_database() as dsn, tempfile.TemporaryDirectory() as folder:
        with psycopg.connect(dsn) as connection:
            populate(connection, ASSETS)
        with served(dsn, Path(folder)) as (url, pid):
            with Timer() as first_pass:
                wait_until_sequenced(dsn)
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute(b"VACUUM ANALYZE")
            drain(url, "identity", ASSETS)
            before = resident_bytes(pid)
            raw, plain, zipped = [], [], []
            for _ in range(RUNS):
                raw.append(ROWS / _copy_out(dsn))
                plain.append(ROWS / drain(url, "identity", ASSETS).seconds)
                zipped.append(ROWS / drain(url, "gzip", ASSETS).seconds)
            growth = resident_bytes(pid) - before
            slow = _slow_growth(url, pid)
        figures = [
            Figure("full_sync", "sequenced in one pass", ASSETS / first_pass.seconds, "entries/s"),
            Figure("full_sync", "stored lines read from Postgres", median(raw), "rows/s"),
            Figure("full_sync", "over HTTP", median(plain), "rows/s", 250_000),
            Figure("full_sync", "over HTTP, of reading", median(plain) / median(raw), "ratio", 0.6),
            Figure("full_sync", "over HTTP, gzip", median(zipped), "rows/s", 100_000),
            Figure("full_sync", "growth", growth / 1e6, "MB", 64, is_cost=True),
            Figure("full_sync", "growth, reader of 8 kB/s", slow / 1e6, "MB", 64, is_cost=True),
        ]
        figures += [
            Figure("full_sync", f"size of {name}", size / ASSETS, "bytes/asset")
            for name, size in stored_bytes(dsn).items()
        ]
        return figures


def _copy_out(dsn: str) -> float:
    with (
        psycopg.connect(dsn) as connection,
        connection.cursor() as cursor,
        Timer() as timer,
        cursor.copy(RAW.encode()) as rows,
    ):
        for _ in rows:
            pass
    return timer.seconds


def _slow_growth(url: str, pid: int) -> int:
    """By how much the server grows while a client takes its time."""
    before, peak = resident_bytes(pid), 0
    with request(url, "identity") as connection:
        for _ in range(SLOW_SECONDS * 4):
            connection.recv(SLOW_BYTES_PER_SECOND // 4)
            time.sleep(0.25)
            peak = max(peak, resident_bytes(pid))
    return peak - before
