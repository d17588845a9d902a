"""Everything, idle: its memory, and how soon it answers after a start."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from bench.figures import Figure
from bench.library import ROOT
from bench.processes import family, proportional_bytes

SETTLE_SECONDS = 5


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="heliograph-bench-") as folder:
        with _serve(folder) as (first, _):
            pass
        with _serve(folder) as (again, pid):
            time.sleep(SETTLE_SECONDS)
            memory = proportional_bytes(family(pid))
    return [
        Figure("footprint", "first start to first ping", first, "s"),
        Figure("footprint", "later start to first ping", again, "s", 2, is_cost=True),
        Figure("footprint", "memory of all processes", memory / 1e6, "MB", 350, is_cost=True),
    ]


@contextmanager
def _serve(folder: str) -> Iterator[tuple[float, int]]:
    """The whole product: seconds until it answered a ping, and its first process."""
    environment = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
    environment |= {"HELIOGRAPH_DATA": folder, "HELIOGRAPH_PORT": "0"}
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "server.supervisor"],
        env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout
        _, url = process.stdout.readline().split()
        with urllib.request.urlopen(f"{url}/api/server/ping") as response:
            assert response.status == 200
        yield time.perf_counter() - start, process.pid
    finally:
        process.terminate()
        process.wait()
