"""A wire that can be cut in the way nobody is told of: what is sent is taken, and never arrives."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType


class Relay:
    """Passes connections on to a port, until it is dead."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._is_dead = False
        self._pumping: set[asyncio.Task[None]] = set()
        self._is_given_up = False

    async def __aenter__(self) -> Relay:
        self._listening = await asyncio.start_server(self._join, "127.0.0.1", 0)
        self.port: int = self._listening.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self._listening.close()
        for task in self._pumping:
            task.cancel()
        await asyncio.gather(*self._pumping, return_exceptions=True)

    def die(self) -> None:
        self._is_dead = True

    async def is_given_up(self) -> bool:
        """Whether the server hung up, when nobody could hear it."""
        return self._is_given_up

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self._target)
        both = [self._pump(reader, to_server), self._pump(from_server, writer)]
        there, back = (asyncio.create_task(pump) for pump in both)
        self._pumping |= {there, back}
        try:
            await back
            if self._is_dead:
                self._is_given_up = True
                await there
        finally:
            for end in (writer, to_server):
                end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                if not self._is_dead:
                    writer.write(data)
                    await writer.drain()
