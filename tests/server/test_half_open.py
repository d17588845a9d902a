"""Connections whose other end is gone, or reads no more, and never says so."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from uuid import UUID

import aiohttp
import pytest

from server import live, realtime
from server.api import sync as sync_api
from sync import stream as streams
from sync.actor import Actor
from sync.operations import assets, users
from tests.fix_channels import PLENTY, Channel
from tests.fix_phones import OverHttp
from tests.relay import Relay
from tests.sync.laws import assert_level
from tests.sync.library import ask, ask_one, new_asset, until
from tests.sync.replica import REQUESTS, Replica

SNAPSHOTS = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_xmin IS NOT NULL AND pid <> pg_backend_pid()
      AND state <> 'active'"""
PROBLEM = "SELECT problem FROM sync_copy WHERE session_id = %s AND streamed_at IS NOT NULL"


class OverChannel:
    """Where a phone's lines come from: round after round, heard all the time as an app would."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self._blocks: asyncio.Queue[bytes] = asyncio.Queue()

    async def listen(self) -> None:
        while True:
            kind, *values = await self.channel.next()
            if kind == "lines":
                self._blocks.put_nowait(values[0])

    async def stream(self) -> AsyncIterator[bytes]:
        block = b""
        while b"SyncCompleteV1" not in block:
            yield (block := await self._blocks.get())

    async def ack(self, ack: str) -> None:
        await self.channel.say("ack", [ack])


@pytest.fixture
def tune_in(alice):
    """A channel of Alice's, through some port."""

    @asynccontextmanager
    async def tune_in(http: aiohttp.ClientSession, port: int) -> AsyncIterator[OverChannel]:
        url = f"http://127.0.0.1:{port}/api/sync/live"
        async with http.ws_connect(url, headers=alice.headers, max_msg_size=0) as socket:
            source = OverChannel(Channel(socket))
            await source.channel.expect("hello")
            await source.channel.say("subscribe", REQUESTS, None, PLENTY)
            listening = asyncio.create_task(source.listen())
            yield source
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    return tune_in


async def open_channels() -> int:
    tasks = (task.get_coro().__qualname__ for task in asyncio.all_tasks())
    return sum(name.startswith("Channel.") for name in tasks)


async def test_a_channel_that_goes_half_open_is_freed_and_the_next_one_lacks_nothing(
    alice, server, database, tune_in, monkeypatch
):
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 1.0)
    actor = Actor(UUID(alice.user["id"]))
    gone = await new_asset(database, actor)
    async with aiohttp.ClientSession() as http, Relay(server.port) as wire:
        async with tune_in(http, wire.port) as source:
            phone = Replica(source)
            await phone.pull()
            await new_asset(database, actor)
            await phone.pull()
            wire.die()
            await new_asset(database, actor)
            async with database.write() as tx:
                await assets.delete_assets(tx, actor, [gone])
            await until(wire.is_given_up)
            await until(open_channels, is_met=lambda count: count == 0)
        async with tune_in(http, server.port) as source:
            phone.source = source
            await phone.pull()
            assert phone.wipes == 0
            assert "AssetDeleteV1" in phone.types()
            await new_asset(database, actor)
            await assert_level(database, actor.user_id, phone)


@pytest.fixture
def quick_pings(monkeypatch):
    hasty = partial(realtime._Server, ping_interval=0.3, ping_timeout=0.3)
    monkeypatch.setattr(realtime, "_Server", hasty)


async def test_a_socket_that_goes_half_open_is_hung_up_on(quick_pings, server, alice, open_socket):
    async with Relay(server.port) as wire:
        await open_socket(f"http://127.0.0.1:{wire.port}", **alice.headers)
        wire.die()
        await until(wire.is_given_up)


@pytest.fixture
async def big(alice, database):
    """A user of whom there is more to tell than what lies between can hold."""
    async with database.write() as tx:
        user_id = UUID(alice.user["id"])
        await users.set_metadata(
            tx, user_id, "onboarding", {"isOnboarded": True, "x": "a" * (16 << 20)}
        )
        for number in range(5):
            await users.update_profile(tx, Actor(user_id), name=f"{number}")
    return alice


async def ask_for_stream(client, server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Nothing of the answer is read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1 << 12)
    body = json.dumps({"types": ["UserMetadataV1", "AssetsV2", "UsersV1"]})
    fields = client.headers | {
        "Host": "localhost",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    fields["Connection"] = "close"
    head = [f"{name}: {value}" for name, value in fields.items()]
    writer.write("\r\n".join(["POST /api/sync/stream HTTP/1.1", *head, "", body]).encode())
    return reader, writer


async def test_who_stops_reading_keeps_no_snapshot(big, server, database, log_in, monkeypatch):
    monkeypatch.setattr(sync_api, "STALL_SECONDS_MAX", 0.5)
    silent = await log_in(big)
    _reader, writer = await ask_for_stream(silent, server)
    await until(lambda: ask_one(database, SNAPSHOTS))
    await until(lambda: ask_one(database, SNAPSHOTS), is_met=lambda count: count == 0)
    (row,) = await until(lambda: problem_of(database, silent))
    assert "slowly" in row["problem"]
    writer.transport.abort()

    phone = Replica(OverHttp(silent))
    await assert_level(database, UUID(big.user["id"]), phone)
    assert phone.wipes == 0


async def problem_of(database, client) -> list[dict]:
    sessions = (await client.get("/api/sessions")).json
    (current,) = [session["id"] for session in sessions if session["current"]]
    return await ask(database, PROBLEM, UUID(current))


async def test_who_reads_drop_by_drop_keeps_no_snapshot_for_ever(
    big, server, database, monkeypatch
):
    monkeypatch.setattr(streams, "STREAM_SECONDS_MAX", 0.5)
    monkeypatch.setattr(sync_api, "STALL_SECONDS_MAX", 30)
    reader, writer = await ask_for_stream(big, server)
    last = b""
    with suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            last = (last + data)[-1000:]
            await asyncio.sleep(0.003)
    assert b"SyncCompleteV1" not in last
    await until(lambda: ask_one(database, SNAPSHOTS), is_met=lambda count: count == 0)
    writer.transport.abort()
