"""/sync: a device's copy of the library."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Annotated, Any, Literal
from uuid import UUID

from aiohttp import web
from isal import isal_zlib
from msgspec import UNSET, Meta, UnsetType

from server.body import Body
from server.endpoint import CORRELATION_ID, Call, endpoint
from server.wire import Json
from sql import Database
from sync import checkpoints, doctor, feeds, retention
from sync.errors import Forbidden, Invalid
from sync.stream import RESET, TooSlow, settle, stream

STALL_SECONDS_MAX = 300  # For a block of some 700 kB: who takes none of it is gone.
GZIP_LEVEL = 1  # of 0 to 3; higher saves a tenth and halves the speed
GZIP_WINDOW_BITS = 31  # 15, and 16 for the gzip frame


class SyncStream(Body):
    types: list[Literal[tuple(sorted(feeds.REQUESTS))]]  # type: ignore[valid-type]
    reset: bool | UnsetType = UNSET


class SyncAckSet(Body):
    acks: Annotated[list[str], Meta(max_length=1000)]


class SyncAckDelete(Body):
    types: list[Literal[tuple(sorted(feeds.TYPES))]] | UnsetType = UNSET  # type: ignore[valid-type]


@endpoint("POST", "/sync/stream", permission="sync.stream", body=SyncStream)
async def get_sync_stream(call: Call) -> web.StreamResponse:
    """Lines as they leave Postgres, and compressed when the client can read that."""
    session_id = _session(call)
    for name in call.body.types:
        if newer := feeds.REPLACED.get(name):
            raise Invalid(
                f"SyncRequestType.{name} is deprecated, use SyncRequestType.{newer} instead"
            )
    database = call.context.database
    if call.body.reset is True:
        async with database.write() as tx:
            await checkpoints.reset(tx, session_id)
    await settle(database)
    async with database.read() as connection:
        generation, is_reset, acks = await checkpoints.get_progress(connection, session_id)
    if not is_reset and not retention.has_begun(acks, call.body.types):
        async with database.write() as tx:
            await retention.begin_copy(tx, session_id, call.body.types)

    sender = await _Sender.start(call.request)
    if is_reset:
        await sender.send(RESET)
        return await sender.finish()
    lines = stream(database, call.actor.user_id, call.body.types, acks, generation)
    try:
        async with _noting(database, session_id, sender), aclosing(lines) as blocks:
            async for block in blocks:
                await sender.send(block)
            return await sender.finish()  # Before it is noted, which nobody need wait for.
    except TooSlow:
        sender.cut_off()
    except BaseException:
        sender.cut_off()
        raise
    return await sender.finish()


@endpoint("GET", "/sync/ack", permission="syncCheckpoint.read")
async def get_sync_ack(call: Call) -> Json:
    async with call.context.database.read() as connection:
        acks = await checkpoints.list_acks(connection, _session(call))
    return [
        {"type": type_, "ack": checkpoints.format_ack(type_, ack)}
        for type_, ack in acks.items()
        if type_ != "SyncResetV1"
    ]


@endpoint("POST", "/sync/ack", permission="syncCheckpoint.update", body=SyncAckSet)
async def send_sync_ack(call: Call) -> None:
    session_id = _session(call)
    async with call.context.database.write() as tx:
        await checkpoints.save_acks(tx, session_id, call.body.acks)


@endpoint("DELETE", "/sync/ack", permission="syncCheckpoint.delete", body=SyncAckDelete)
async def delete_sync_ack(call: Call) -> None:
    session_id, types = _session(call), call.body.types
    async with call.context.database.write() as tx:
        await checkpoints.delete_acks(tx, session_id, None if types is UNSET else types)


def _session(call: Call) -> UUID:
    """Cursors belong to a session, so nothing else can have them."""
    if call.actor.session_id is None:
        raise Forbidden("Sync endpoints cannot be used with API keys")
    return call.actor.session_id


@asynccontextmanager
async def _noting(database: Database, session_id: UUID, sender: _Sender) -> AsyncIterator[None]:
    """Keep how the stream went, for the doctor, also of one that ends early."""
    began, problem = time.monotonic(), "The server failed"
    try:
        yield
        problem = ""
    except TooSlow:
        problem = "Cut off: the device read too slowly"
        raise
    except (ConnectionError, asyncio.CancelledError):
        problem = "The device left"
        raise
    finally:
        await doctor.note_stream(
            database,
            session_id,
            lines=sender.lines,
            bytes_=sender.bytes,
            seconds=time.monotonic() - began,
            problem=problem or None,
        )


class _Sender:
    """Blocks on their way out; waits for a slow reader."""

    def __init__(self, request: web.Request, response: web.StreamResponse) -> None:
        self._request = request
        self._response = response
        self.lines = self.bytes = 0  # before they are squeezed
        is_zipped = "Content-Encoding" in response.headers
        self._zip: Any = (
            isal_zlib.compressobj(GZIP_LEVEL, wbits=GZIP_WINDOW_BITS) if is_zipped else None
        )

    @classmethod
    async def start(cls, request: web.Request) -> _Sender:
        response = web.StreamResponse(headers={"Content-Type": "application/jsonlines+json"})
        response.headers["X-Correlation-ID"] = request[CORRELATION_ID]
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            response.headers["Content-Encoding"] = "gzip"
        response.enable_chunked_encoding()
        await response.prepare(request)
        return cls(request, response)

    async def send(self, block: bytes) -> None:
        self.lines += block.count(b"\n")
        self.bytes += len(block)
        if self._zip:
            block = await asyncio.to_thread(self._squeeze, block)
        try:
            async with asyncio.timeout(STALL_SECONDS_MAX):
                await self._response.write(block)
        except TimeoutError:
            raise TooSlow from None

    async def finish(self) -> web.StreamResponse:
        if self._zip:
            await self._response.write(self._zip.flush())
        await self._response.write_eof()
        return self._response

    def cut_off(self) -> None:
        """End in a way that cannot be taken for the end of the stream."""
        if self._request.transport:
            self._request.transport.abort()

    def _squeeze(self, block: bytes) -> bytes:
        """What was sent can be read, so that nothing waits in here for more to come."""
        zipped: bytes = self._zip.compress(block) + self._zip.flush(isal_zlib.Z_SYNC_FLUSH)
        return zipped
