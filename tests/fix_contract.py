"""Remembers which answers of which operations a run of the tests saw, for `make routes`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests import contract

SEEN = Path(__file__).parents[1] / ".pytest_cache" / "routes.json"


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """One of several processes that share the tests tells the first what it saw."""
    output = getattr(node, "workeroutput", {})
    contract.exercised.update(tuple(answer) for answer in output.get("answers", ()))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if not contract.exercised:
        return
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["answers"] = sorted(contract.exercised)
        return
    seen = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "tests": session.testscollected,
        "answers": sorted(contract.exercised),
    }
    SEEN.parent.mkdir(exist_ok=True)
    SEEN.write_text(json.dumps(seen))
