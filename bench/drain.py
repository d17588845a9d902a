"""An app that only drains a first sync: nothing is parsed, so the server is what is measured."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from bench.library import HEADERS

TYPES = '{"types":["AssetsV2","AssetExifsV1"]}'
LINES = 2  # for each asset


@dataclass(frozen=True)
class Drained:
    """Seconds from connecting until the first byte of the body, and until the last."""

    first: float
    seconds: float
    bytes: int


def drain(url: str, encoding: str, assets: int) -> Drained:
    buffer = bytearray(1 << 18)
    start = time.perf_counter()
    with request(url, encoding) as connection:
        tail = _skip_head(connection)
        first, size = time.perf_counter() - start, len(tail)
        while count := connection.recv_into(buffer):
            size += count
            tail = (tail + bytes(buffer[max(0, count - 200) : count]))[-200:]
        seconds = time.perf_counter() - start
    assert size > LINES * assets * 20, f"only {size} bytes came"
    assert encoding == "gzip" or b"SyncCompleteV1" in tail
    return Drained(first, seconds, size)


def request(url: str, encoding: str) -> socket.socket:
    at = urlsplit(url)
    connection = socket.create_connection((at.hostname or "", at.port or 0))
    head = [
        "POST /api/sync/stream HTTP/1.1", f"Host: {at.netloc}", "Content-Type: application/json",
        f"Content-Length: {len(TYPES)}", f"Accept-Encoding: {encoding}", "Connection: close",
        *(f"{name}: {value}" for name, value in HEADERS.items()),
    ]  # fmt: skip
    connection.sendall("\r\n".join([*head, "", TYPES]).encode())
    return connection


def _skip_head(connection: socket.socket) -> bytes:
    """The first that comes of the body."""
    came = b""
    while not (body := came.partition(b"\r\n\r\n")[2]):
        part = connection.recv(1 << 16)
        assert part, f"no body came after {came!r}"
        came += part
    return body
