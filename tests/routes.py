"""Which operations of the contract are served, tested and missing: python -m tests.routes."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from itertools import groupby

import server.app  # noqa: F401 - registers all that is served
from server.endpoint import ENDPOINTS
from tests import contract
from tests.fix_contract import SEEN


def main() -> int:
    operations = contract.operations()
    if not operations:
        print(f"There is no {contract.TABLE.name} to compare with", file=sys.stderr)
        return 1
    served = {(one.methods[0], one.path) for one in ENDPOINTS}
    seen = _read_seen()
    counts = {"served": 0, "tested": 0, "missing": 0}
    for group, members in groupby(operations, key=lambda one: one.group):
        print(f"\n{group}")
        for one in members:
            statuses = seen[one.method, one.template]
            state = _state((one.method, one.template) in served, statuses)
            counts["served"] += state != "missing"
            counts[state] += state != "served"
            listed = " ".join(map(str, sorted(statuses)))
            print(f"  {state:8}{one.method:7}{one.template:58}{listed}".rstrip())
    print(
        f"\n{len(operations)} operations: {counts['served']} served"
        f" ({counts['tested']} of them tested), {counts['missing']} missing"
    )
    return 0


def _state(is_served: bool, statuses: set[int]) -> str:
    """Tested: a success of it was seen, and so was held against the contract."""
    if not is_served:
        return "missing"
    return "tested" if any(200 <= status < 400 for status in statuses) else "served"


def _read_seen() -> defaultdict[tuple[str, str], set[int]]:
    seen: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    if not SEEN.exists():
        print("No run of the tests is on record: run `make test` to see what is tested")
        return seen
    record = json.loads(SEEN.read_text())
    print(f"Tested: as of the last run, {record['at']}, of {record['tests']} tests")
    for method, template, status in record["answers"]:
        seen[method, template].add(status)
    return seen


if __name__ == "__main__":
    sys.exit(main())
