"""A first sync of 100,000 assets with their exif, over HTTP, by an app that only drains it."""

from __future__ import annotations

import socket
import tempfile
import time
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import psycopg

from bench.figures import Figure, Timer
from bench.library import HEADERS, OWNER, populate, scratch_database, served, wait_until_sequenced
from bench.processes import resident_bytes

ASSETS, RUNS = 100_000, 3
ROWS = 2 * ASSETS
TYPES = '{"types":["AssetsV2","AssetExifsV1"]}'
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
            _drain(url, "identity")
            before = resident_bytes(pid)
            raw, plain, zipped = [], [], []
            for _ in range(RUNS):
                raw.append(ROWS / _copy_out(dsn))
                plain.append(ROWS / _drain(url, "identity"))
                zipped.append(ROWS / _drain(url, "gzip"))
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
        return figures + _sizes(dsn)


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


def _request(url: str, encoding: str) -> socket.socket:
    at = urlsplit(url)
    connection = socket.create_connection((at.hostname or "", at.port or 0))
    head = [
        "POST /api/sync/stream HTTP/1.1", f"Host: {at.netloc}", "Content-Type: application/json",
        f"Content-Length: {len(TYPES)}", f"Accept-Encoding: {encoding}", "Connection: close",
        *(f"{name}: {value}" for name, value in HEADERS.items()),
    ]  # fmt: skip
    connection.sendall("\r\n".join([*head, "", TYPES]).encode())
    return connection


def _drain(url: str, encoding: str) -> float:
    """Seconds until the last byte; nothing is parsed, so the server is what is measured."""
    buffer = bytearray(1 << 18)
    size, tail = 0, b""
    with Timer() as timer, _request(url, encoding) as connection:
        while count := connection.recv_into(buffer):
            size += count
            tail = (tail + bytes(buffer[max(0, count - 200) : count]))[-200:]
    assert size > ROWS * 20, f"only {size} bytes came"
    assert encoding == "gzip" or b"SyncCompleteV1" in tail
    return timer.seconds


def _slow_growth(url: str, pid: int) -> int:
    """By how much the server grows while a client takes its time."""
    before, peak = resident_bytes(pid), 0
    with _request(url, "identity") as connection:
        for _ in range(SLOW_SECONDS * 4):
            connection.recv(SLOW_BYTES_PER_SECOND // 4)
            time.sleep(0.25)
            peak = max(peak, resident_bytes(pid))
    return peak - before


def _sizes(dsn: str) -> list[Figure]:
    tables = ("asset", "asset_exif", "state", "log")
    figures = []
    with psycopg.connect(dsn) as connection:
        for table in tables:
            row = connection.execute(f"SELECT pg_total_relation_size('{table}')").fetchone()
            assert row
            figures.append(Figure("full_sync", f"size of {table}", row[0] / ASSETS, "bytes/asset"))
    return figures
