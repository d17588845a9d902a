"""Sockets as the web and the mobile app open them, and what they hear."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
import socketio

SECONDS_MAX = 10.0


class Socket:
    """One open app. What it hears is kept in order, as (event, *arguments)."""

    def __init__(self, client: socketio.AsyncClient) -> None:
        self.client = client
        self.heard: list[tuple[Any, ...]] = []
        self.is_closed = asyncio.Event()
        self._news: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()
        client.on("*", self._hear)
        client.on("disconnect", self._close)

    async def next(self, event: str) -> tuple[Any, ...]:
        """The arguments of the next event of that name; those before it are passed over."""
        async with asyncio.timeout(SECONDS_MAX):
            while (heard := await self._news.get())[0] != event:
                pass
        return heard[1:]

    async def closed(self) -> None:
        async with asyncio.timeout(SECONDS_MAX):
            await self.is_closed.wait()

    @property
    def names(self) -> list[str]:
        return [heard[0] for heard in self.heard]

    async def _hear(self, *heard: Any) -> None:
        self.heard.append(heard)
        self._news.put_nowait(heard)

    async def _close(self, *_: object) -> None:
        self.is_closed.set()


@pytest.fixture
async def open_socket():
    """Connect to a served instance with some headers; wait for the greeting unless told not to."""
    opened: list[socketio.AsyncClient] = []

    async def open_socket(url: str, *, is_greeted: bool = True, **headers: str) -> Socket:
        http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        client = socketio.AsyncClient(reconnection=False, http_session=http, handle_sigint=False)
        opened.append(client)
        socket = Socket(client)
        await client.connect(
            url, headers=headers, transports=["websocket"], socketio_path="/api/socket.io"
        )
        if is_greeted:
            await socket.next("on_server_version")
        return socket

    yield open_socket
    for client in opened:
        await client.disconnect()
        await client.eio.http.close()


@pytest.fixture
def url(server):
    return str(server.make_url("")).rstrip("/")


@pytest.fixture
def listen(url, open_socket):
    """A socket with the credential of a signed-in user."""
    return lambda client: open_socket(url, **client.headers)
