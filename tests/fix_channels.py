"""Live channels as an integrator opens them."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager

import aiohttp
import msgspec
import pytest

from tests.sync.replica import REQUESTS

SECONDS_MAX = 10.0
PLENTY = 1 << 30


class Channel:
    """An integrator's end of it. Every frame is kept."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.frames: list[list] = []

    async def say(self, *frame: object) -> None:
        await self.socket.send_bytes(msgspec.msgpack.encode(frame))

    async def next(self) -> list:
        message = await self.socket.receive(timeout=SECONDS_MAX)
        assert message.type is aiohttp.WSMsgType.BINARY, message
        self.frames.append(msgspec.msgpack.decode(message.data))
        return self.frames[-1]

    async def expect(self, kind: str) -> list:
        frame = await self.next()
        assert frame[0] == kind, frame
        return frame[1:]

    async def round(self) -> list[dict]:
        """The lines up to the next SyncCompleteV1."""
        lines: list[dict] = []
        while not lines or lines[-1]["type"] != "SyncCompleteV1":
            (block,) = await self.expect("lines")
            assert block.endswith(b"\n")
            lines += map(json.loads, block.splitlines())
        return lines

    async def closed(self) -> int:
        message = await self.socket.receive(timeout=SECONDS_MAX)
        assert message.type is aiohttp.WSMsgType.CLOSE, message
        return message.data


@pytest.fixture
async def connect(anonymous):
    """Open a channel with the credentials of a client."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:

        @asynccontextmanager
        async def connect(client=None, **headers):
            url = f"{anonymous.url}/api/sync/live"
            carried = {**(client.headers if client else {}), **headers}
            async with http.ws_connect(url, headers=carried, max_msg_size=0) as socket:
                yield Channel(socket)

        yield connect


@pytest.fixture
def follow(connect):
    """A channel that has subscribed, and all that was there before."""

    @asynccontextmanager
    async def follow(client, *types, acks=None, credit=PLENTY):
        async with connect(client) as channel:
            await channel.expect("hello")
            await channel.say("subscribe", types or REQUESTS, acks, credit)
            channel.first = await channel.round()
            yield channel

    return follow
