"""What a phone waits for when it comes back: 200 changed rows over all 22 types, and none."""

from __future__ import annotations

import http.client
import json
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from bench.figures import Figure, Timer, percentile
from bench.library import (
    TOKEN,
    TYPES,
    populate,
    scratch_database,
    served,
    stage,
    wait_until_sequenced,
)

ASSETS, CHANGED, RUNS, WARM_UPS = 100_000, 100, 60, 10


class Phone:
    """One kept connection, and the acks of what it was sent."""

    def __init__(self, url: str, token: str = TOKEN) -> None:
        self._http = http.client.HTTPConnection(urlsplit(url).netloc)
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
        }

    def pull(self) -> tuple[float, int]:
        """Seconds until the last byte, and lines; then ack the last line of each type."""
        with Timer() as timer:
            data = self._post("/api/sync/stream", {"types": TYPES})
        lines = data.splitlines()
        acks = (line.rpartition(b'"ack":"')[2][:-2].decode() for line in lines)
        last = {ack.partition("|")[0]: ack for ack in acks}
        self._post("/api/sync/ack", {"acks": list(last.values())})
        return timer.seconds, len(lines) - 1

    def _post(self, path: str, body: object) -> bytes:
        self._http.request("POST", path, json.dumps(body), self._headers)
        response = self._http.getresponse()
        data = response.read()
        assert response.status in (200, 204), data
        return data


def measure() -> list[Figure]:
    with scratch_database() as dsn, tempfile.TemporaryDirectory() as folder:
        with psycopg.connect(dsn) as connection:
            populate(connection, ASSETS)
        with served(dsn, Path(folder)) as (url, _):
            wait_until_sequenced(dsn)
            phone = Phone(url)
            phone.pull()
            changed = [_pull_changes(dsn, phone, run) for run in range(WARM_UPS + RUNS)]
            nothing = [phone.pull() for _ in range(WARM_UPS + RUNS)]
    assert {lines for _, lines in changed} == {2 * CHANGED}
    assert {lines for _, lines in nothing} == {0}
    return [
        *_figures("200 rows", [seconds for seconds, _ in changed[WARM_UPS:]], 8),
        *_figures("nothing", [seconds for seconds, _ in nothing[WARM_UPS:]], 4),
    ]


def _pull_changes(dsn: str, phone: Phone, run: int) -> tuple[float, int]:
    """Each changed asset is a line of its own and one of its exif."""
    with psycopg.connect(dsn) as connection:
        stage(connection, "asset.updated", run * CHANGED + 1, (run + 1) * CHANGED)
    wait_until_sequenced(dsn)
    return phone.pull()


def _figures(name: str, seconds: list[float], aim_ms: float) -> list[Figure]:
    ms = [one * 1000 for one in seconds]
    return [
        Figure("delta", f"{name}, p50", percentile(ms, 50), "ms", aim_ms, is_cost=True),
        Figure("delta", f"{name}, p95", percentile(ms, 95), "ms"),
    ]
