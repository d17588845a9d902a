"""Bodies that are too large, or that never end: refused, and nothing is kept for them."""

from __future__ import annotations

import asyncio
import io

import pytest
from msgspec.structs import replace

from server import endpoint
from server.endpoint import ENDPOINTS, JSON_BYTES_MAX
from tests.api.test_credentials import url

LOGOUT = "/api/oauth/backchannel-logout"


async def ask(server, method, path, headers, *parts, is_ended=True):
    """Send it as it is, over a connection of its own; the status and whether it was closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    for part in parts:
        writer.write(part)
    status = int((await reader.readline()).split()[1])
    if is_ended:
        writer.close()
    return status, reader, writer


def as_json(client, length):
    return [
        "Content-Type: application/json",
        f"Content-Length: {length}",
        *(f"{name}: {value}" for name, value in client.headers.items()),
    ]


async def test_no_operation_reads_more_than_its_most(admin):
    too_much = b'"' + b"x" * JSON_BYTES_MAX + b'"'
    headers = {"Content-Type": "application/json"}
    groups = {one.path.split("/")[1]: one for one in ENDPOINTS if one.body and one.auth == "user"}
    assert len(groups) > 15

    for one in groups.values():  # One of each will do: all are read in one place.
        answer = await admin.call(
            one.methods[0], url(one.path), data=io.BytesIO(too_much), headers=headers
        )
        assert (answer.status, list(answer.json)) == (413, ["message"]), one


async def test_what_does_not_say_how_long_it_is_ends_at_the_most(server, anonymous):
    """Nobody waits for its end."""
    headers = ["Content-Type: application/json", "Transfer-Encoding: chunked"]
    block = b"100000\r\n" + b"x" * (1 << 20) + b"\r\n"

    status, _, _ = await ask(server, "POST", "/api/auth/login", headers, *[block] * 11)

    assert status == 413


@pytest.mark.parametrize(
    ("path", "content_type"),
    [("/api/auth/login", "application/json"), (LOGOUT, "application/x-www-form-urlencoded")],
)
async def test_who_never_sends_the_rest_is_not_waited_for(
    server, anonymous, monkeypatch, path, content_type
):
    monkeypatch.setattr(endpoint, "BODY_SECONDS_MAX", 0.2)
    context = server.app[endpoint.CONTEXT]
    context.config = replace(context.config, oauth=replace(context.config.oauth, enabled=True))
    headers = [f"Content-Type: {content_type}", "Content-Length: 100"]

    status, _, writer = await ask(server, "POST", path, headers, b"{", is_ended=False)

    assert status == 408
    writer.close()
    assert (await anonymous.get("/api/server/ping")).status == 200


async def test_who_is_not_known_is_refused_before_anything_is_read(server, anonymous):
    """So that nobody fills the memory, or keeps a request open, without an account."""
    headers = as_json(anonymous, JSON_BYTES_MAX)

    status, _, _ = await ask(server, "POST", "/api/albums", headers, b"{")

    assert status == 401
