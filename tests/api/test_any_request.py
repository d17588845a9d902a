"""Whatever is asked within the document, or a step beside it: an answer, and never a breakdown."""

from __future__ import annotations

import json
import logging
from collections import Counter
from random import Random
from typing import Any

import pytest

from tests.any_requests import Maker, Request
from tests.fix_server import Answer, Client

SEED = 3202
ROUNDS = 3
ORDER = ("POST", "GET", "PUT", "PATCH", "DELETE")
# These end the session that asks, restart the server, call other machines, or wait for them.
LEFT_OUT = {
    ("POST", "/auth/logout"),
    ("DELETE", "/sessions"),
    ("DELETE", "/sessions/{id}"),
    ("POST", "/admin/maintenance"),
    ("POST", "/admin/database-backups/start-restore"),
    ("POST", "/admin/notifications/test-email"),
    ("GET", "/server/version-check"),
    # Of themselves, these take the account away.
    ("DELETE", "/admin/users/{id}"),
    ("PUT", "/admin/users/{id}"),
    ("PATCH", "/admin/users/{id}"),
}
# As Immich does: null among the texts for whoever asks with `includeNull`.
BESIDE_THE_CONTRACT = {"/search/suggestions"}


@pytest.fixture
def breakdowns(caplog) -> list[str]:
    """The tracebacks so far."""

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info:
                found.append(logging.Formatter().formatException(record.exc_info)[-1500:])

    found: list[str] = []
    caplog.set_level(logging.CRITICAL, logger="aiohttp.access")
    handler = Keep()
    logging.getLogger("server.endpoint").addHandler(handler)
    yield found
    logging.getLogger("server.endpoint").removeHandler(handler)


def complain(answer: Answer) -> str | None:
    """What is wrong with an answer, whatever was asked."""
    if answer.status >= 500:
        return "it broke down"
    if answer.status < 400:
        return None
    try:
        said = answer.json
    except ValueError:
        return "a refusal that is no JSON"
    if not isinstance(said, dict) or not isinstance(said.get("message"), str):
        return "a refusal without a message"
    if said.keys() - {"message", "errors"}:
        return "a refusal with more than Immich says"
    named = said.get("errors", [])
    if any({"code", "path", "message"} - one.keys() for one in named):
        return "a mistake that is not named"
    return None


async def send(client: Client, request: Request) -> Answer:
    options: dict[str, Any] = {"params": request.query}
    if request.body is not None:
        options |= {
            "data": json.dumps(request.body),
            "headers": {"Content-Type": "application/json"},
        }
    return await client.call(request.method, f"/api{request.path}", **options)


async def populate(client: Client) -> dict[str, list[str]]:
    """Something of everything, so that requests find what they name."""
    ids = [
        (await client.upload(b"\xff\xd8\xff" + bytes([number]), f"{number}.jpg")).json["id"]
        for number in range(5)
    ]
    found = {"/assets": ids}
    for path, body in {
        "/api/albums": {"albumName": "a", "assetIds": ids[:2]},
        "/api/tags": {"name": "t"},
        "/api/stacks": {"assetIds": ids[3:]},
        "/api/people": {"name": "p"},
        "/api/shared-links": {"type": "INDIVIDUAL", "assetIds": ids[:1]},
        "/api/api-keys": {"name": "k", "permissions": ["all"]},
    }.items():
        answer = await client.post(path, body)
        assert answer.status == 201, path
        found[path.removeprefix("/api")] = [answer.json.get("id") or answer.json["apiKey"]["id"]]
    return found | {"/users": [client.user["id"]]}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("who", ["alice", "admin"])
async def test_no_request_is_too_strange(who, admin, alice, breakdowns):
    client = {"alice": alice, "admin": admin}[who]
    made = await populate(client)
    document = (await client.get("/api/openapi.json")).json
    maker = Maker(document, Random(SEED))
    for path, ids in made.items():
        maker.hear(path, json.dumps(ids).encode())
    operations = [one for one in maker.operations() if one[:2] not in LEFT_OUT]
    operations.sort(key=lambda one: ORDER.index(one[0]))
    statuses: Counter[int] = Counter()
    wrong: list[str] = []
    for _ in range(ROUNDS):
        for operation in operations:
            request = maker.request(*operation)
            try:
                answer = await send(client, request)
            except AssertionError as error:  # a success that is not what the contract says
                if request.path not in BESIDE_THE_CONTRACT:
                    wrong.append(f"{request}: {error}")
                continue
            statuses[answer.status] += 1
            if answer.status < 300:
                maker.hear(request.path, answer.data)
            if found := complain(answer):
                traceback = breakdowns[-1] if answer.status >= 500 and breakdowns else ""
                wrong.append(
                    f"{found}: {request} {answer.status} {answer.data[:200]!r} {traceback}"
                )

    assert not wrong, "\n\n".join(wrong)
    assert (await client.get("/api/users/me")).status == 200
    done = sum(count for status, count in statuses.items() if status < 300)
    assert done > sum(statuses.values()) / 5, statuses
