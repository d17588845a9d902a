"""What is served is what the contract says: paths, credentials, permissions, statuses."""

from __future__ import annotations

import re

import pytest

import server.app  # noqa: F401 - registers all that is served
from server.endpoint import ENDPOINTS, Endpoint
from tests import contract

AUTHS = {"public": "public", "user": "user", "user+link": "link", "admin": "admin"}

pytestmark = contract.needed
each_endpoint = pytest.mark.parametrize(
    "served",
    [one for one in ENDPOINTS if (one.methods[0], one.path) not in contract.EARLIER],
    ids=lambda one: f"{one.methods[0]} {one.path}",
)


def find(served: Endpoint) -> contract.Operation:
    matching = [
        one
        for one in contract.operations()
        if (one.method, one.template) == (served.methods[0], served.path)
    ]
    assert matching, "the contract has no such operation"
    return matching[0]


@each_endpoint
def test_an_endpoint_is_in_the_contract(served):
    operation = find(served)

    assert AUTHS[operation.auth] == served.auth.removeprefix("closed ")
    assert operation.permission == served.permission
    assert served.status in operation.statuses or operation.statuses == (204,)


@each_endpoint
def test_a_handler_is_named_as_in_the_contract(served):
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", find(served).name).lower()

    assert served.handle.__name__ == words


@each_endpoint
def test_only_known_paths_have_an_alias(served):
    is_patched = served.methods[0] == "PUT" and served.path in contract.PATCHED

    assert served.methods[1:] == (("PATCH",) if is_patched else ())


def test_every_operation_is_served():
    """And so what tests/api/test_credentials.py and test_links_everywhere.py ask of each that is
    served, they ask of each in the contract's table."""
    served = {(one.methods[0], one.path): one for one in ENDPOINTS}
    operations = contract.operations()

    assert len(operations) == 276
    assert [one for one in operations if (one.method, one.template) not in served] == []


def test_no_operation_is_served_twice():
    keys = [(method, one.path) for one in ENDPOINTS for method in one.methods]

    assert len(keys) == len(set(keys))


OPERATION = ("POST", "/assets/bulk-upload-check", 200)


def test_a_right_answer_matches():
    contract.assert_matches(*OPERATION, {"results": [{"id": "a.jpg", "action": "accept"}]})


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"results": [{"id": "a.jpg"}]},
        {"results": [{"id": "a.jpg", "action": "maybe"}]},
        {"results": [{"id": 1, "action": "accept"}]},
        {"results": [{"id": "a", "action": "reject", "assetId": None}]},
        {"results": [{"id": "a", "action": "reject", "assetId": "x"}]},
        # Version 7: only acks may have it.
        {"results": [{"id": "a", "action": "reject",
                      "assetId": "01890a5d-ac96-774b-bcce-b302099a8057"}]},
    ],
)  # fmt: skip
def test_a_wrong_answer_does_not(body):
    with pytest.raises(AssertionError):
        contract.assert_matches(*OPERATION, body)


def test_more_than_was_declared_is_told_on_request():
    body = {"results": [], "more": 1}

    contract.assert_matches(*OPERATION, body)
    with pytest.raises(AssertionError, match="more"):
        contract.assert_matches(*OPERATION, body, with_undeclared=False)


@pytest.mark.parametrize("date", ["2024-01-01T00:00:00Z", "2024-01-01T00:00:00.000+00:00", None])
def test_dates_have_one_form(date):
    row = {"key": "a", "value": {}, "updatedAt": date}

    with pytest.raises(AssertionError):
        contract.assert_matches("GET", "/assets/{id}/metadata", 200, [row])


def test_an_answer_is_held_against_the_operation_it_came_from(monkeypatch):
    monkeypatch.setattr(contract, "exercised", set())
    with pytest.raises(AssertionError, match="must not answer 201"):
        contract.check("GET", "/assets/statistics", 201, "application/json", b"{}")
    contract.check("PATCH", "/nothing/like/this", 200, "application/json", b"{}")
