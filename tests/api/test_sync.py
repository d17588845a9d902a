"""/sync/stream to readers that are not there any more, and when the database goes away."""

from __future__ import annotations

import asyncio
import json

import pytest

from server.api import sync as sync_api
from sql import Disconnected

BLOCK = b" " * (1 << 20)


async def post_stream(client, server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """The request is sent; nothing of the answer is read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1 << 16)
    body = json.dumps({"types": ["AssetsV2"]})
    head = [
        "POST /api/sync/stream HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        *(f"{name}: {value}" for name, value in client.headers.items()),
        f"Content-Length: {len(body)}",
    ]
    writer.write("\r\n".join([*head, "", body]).encode())
    return reader, writer


@pytest.fixture
def ended(monkeypatch):
    """Streams give as many blocks as asked, and then what is in here; set when one ended."""

    def make(count: int, error: Exception | None = None) -> asyncio.Event:
        over = asyncio.Event()

        async def stream(*_):
            try:
                for _ in range(count):
                    yield BLOCK
                if error:
                    raise error
            finally:
                over.set()

        monkeypatch.setattr(sync_api, "stream", stream)
        return over

    return make


async def test_a_reader_that_takes_nothing_is_cut_off(alice, server, ended, monkeypatch):
    monkeypatch.setattr(sync_api, "STALL_SECONDS_MAX", 0.2)
    over = ended(64)

    reader, writer = await post_stream(alice, server)
    await over.wait()

    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(64 << 20)
    writer.close()


async def test_a_stream_that_fails_does_not_look_complete(alice, server, ended):
    over = ended(1, Disconnected("gone"))

    reader, writer = await post_stream(alice, server)
    await over.wait()
    received = b""
    try:
        while data := await reader.read(1 << 16):
            received += data
    except ConnectionError:
        pass

    assert b"SyncCompleteV1" not in received
    assert not received.endswith(b"0\r\n\r\n"), "the chunks ended as if all had been sent"
    writer.close()


async def test_whoever_is_logged_out_while_they_ask_is_refused(alice, query, execute, monkeypatch):
    settle = sync_api.settle

    async def log_out_first(database):
        await execute("DELETE FROM session")
        await settle(database)

    monkeypatch.setattr(sync_api, "settle", log_out_first)

    answer = await alice.post("/api/sync/stream", {"types": ["AssetsV2"]})

    assert (answer.status, answer.json) == (401, {"message": "Invalid user token"})
    assert await query("SELECT 1 FROM sync_copy") == []
