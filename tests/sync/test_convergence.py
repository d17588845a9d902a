"""The law: whatever happens, wherever it was cut off, a client ends where a fresh one starts.

And both are where the entity tables say. EXAMPLES=5000 runs as many new ones: a soak. With
SHRINK=1 a failure is made small, which takes minutes. `python -m tests.sync.long_run` goes on.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.sync.app import DELETES, UPSERTS
from tests.sync.long_run import run
from tests.sync.replica import Replica

EXAMPLES = int(os.environ.get("EXAMPLES", "20"))
ROUNDS_MAX = 12
SETTINGS = settings(
    max_examples=EXAMPLES,
    stateful_step_count=60,
    deadline=None,
    database=None,
    report_multiple_bugs=False,
    phases=[Phase.generate, *([Phase.shrink] if "SHRINK" in os.environ else [])],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.timeout(600)
def test_every_client_converges(dsn: str) -> None:
    everything = {*UPSERTS, *DELETES, "SyncResetV1"}
    for number in range(ROUNDS_MAX):  # Each the same every time, until it proved something.
        run(dsn, SETTINGS, None if "EXAMPLES" in os.environ else number)
        if everything <= Replica.seen:
            break
    assert everything - Replica.seen == set()
