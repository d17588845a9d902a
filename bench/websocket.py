"""Websockets with as little between as there can be, so that the server is what is measured."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit

TEXT, BINARY = 1, 2
PING, PONG = b"\x81\x012", b"3"  # of engine.io
OPEN_TOGETHER = 50


def frame(opcode: int, payload: bytes) -> bytes:
    """One message of a client; under a mask of zeros it is what it was."""
    size = len(payload)
    assert size < 1 << 16
    head = bytes((0x80 | opcode, 0x80 | size)) if size < 126 else bytes((0x80 | opcode, 0x80 | 126))
    more = b"" if size < 126 else size.to_bytes(2)
    return head + more + bytes(4) + payload


def handshake(url: str, headers: dict[str, str]) -> bytes:
    at = urlsplit(url)
    lines = [
        f"GET {at.path}?{at.query} HTTP/1.1", f"Host: {at.netloc}", "Upgrade: websocket",
        "Connection: Upgrade", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]  # fmt: skip
    return "\r\n".join([*lines, "", ""]).encode()


def connect(url: str, headers: dict[str, str]) -> socket.socket:
    """A socket that blocks, after the upgrade."""
    at = urlsplit(url)
    connection = socket.create_connection((at.hostname or "", at.port or 0))
    connection.sendall(handshake(url, headers))
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += connection.recv(1)
    assert answer.startswith(b"HTTP/1.1 101"), answer
    return connection


class Listener(asyncio.Protocol):
    """One of many sockets. Tells what its pattern finds, and when, to who asked."""

    def __init__(
        self, first: bytes, ready: bytes, pattern: re.Pattern[bytes], hear: Callable[..., None]
    ) -> None:
        self._first, self._ready, self._pattern, self._hear = first, ready, pattern, hear
        self._rest = b""
        self._is_upgraded = False
        self.is_ready = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if PING in data:  # No message of ours has such bytes.
            self._transport.write(frame(TEXT, PONG))
        self._rest += data
        if not self._is_upgraded and b"\r\n\r\n" in self._rest:
            self._is_upgraded = True
            self._transport.write(self._first)
        if not self.is_ready.is_set() and self._ready in self._rest:
            self.is_ready.set()
            self._rest = b""
        end = 0
        for match in self._pattern.finditer(self._rest):
            self._hear(match[1].decode(), now)
            end = match.end()
        self._rest = self._rest[max(end, len(self._rest) - 1000) :]


async def listen(
    url: str, headers: dict[str, str], count: int, make: Callable[[], Listener]
) -> list[asyncio.BaseTransport]:
    """So many of them, each ready to hear."""
    at, opened = urlsplit(url), []
    loop = asyncio.get_running_loop()
    for start in range(0, count, OPEN_TOGETHER):
        pairs = [
            await loop.create_connection(make, at.hostname, at.port)
            for _ in range(min(OPEN_TOGETHER, count - start))
        ]
        for transport, _ in pairs:
            transport.write(handshake(url, headers))
            opened.append(transport)
        for _, listener in pairs:
            await asyncio.wait_for(listener.is_ready.wait(), 30)
    return [*opened]
