"""Remembers which answers of which operations a run of the tests saw, for `make routes`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests import contract

SEEN = Path(__file__).parents[1] / ".pytest_cache" / "routes.json"


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not contract.exercised:
        return
    seen = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "tests": session.testscollected,
        "answers": sorted(contract.exercised),
    }
    SEEN.parent.mkdir(exist_ok=True)
    SEEN.write_text(json.dumps(seen))
