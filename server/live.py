"""/api/sync/live: a device's copy of the library, kept up to date over one socket.

The protocol is docs/live.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing, suppress
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from server.authentication import authenticate, find_credential
from server.context import CONTEXT, Context
from server.live_frames import (
    CREDIT_MAX,
    GOING_AWAY,
    INVALID,
    TOO_SLOW,
    UNAUTHENTICATED,
    VERSION,
    Ack,
    Acked,
    Auth,
    Blocked,
    Credit,
    Error,
    Heard,
    Hello,
    Lines,
    Refusal,
    Reset,
    Said,
    Subscribe,
    decode,
    encode,
)
from sql import Disconnected
from sync import checkpoints, feeds
from sync.actor import Actor
from sync.errors import Forbidden, Invalid, Refused, Unauthenticated
from sync.live import Follower, Live
from sync.stream import RESET, TooSlow

GREETING_SECONDS = 20.0  # Until a connection has said who it is, and what it wants.
HEARTBEAT_SECONDS = 60.0  # Without a word; then a ping, whose answer must come in half of that.
SEND_SECONDS = 120.0  # For one frame. What a client has granted it must be able to take.
STALL_SECONDS = 10.0  # In a round, without a grant: then the snapshot is let go.
PARTING_SECONDS = 2.0
RETRY_SECONDS = 0.5
FRAME_BYTES_MIN = 16 << 10  # Less waits for the end of its round.
FRAME_BYTES_MAX = 512 << 10  # Unless one line alone is longer.
HEARD_BYTES_MAX = 256 << 10


class Over(Exception):
    """This connection has to end, with a close code and a message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Gone(Exception):
    """The client is not there any more."""


class Stalled(Exception):
    """The client grants nothing, in the middle of a round."""


def attach(app: web.Application) -> None:
    """Serve /api/sync/live beside the API."""
    channels = Channels(app[CONTEXT])
    app.router.add_get("/api/sync/live", channels.answer)
    app.on_shutdown.append(channels.close)


class Channels:
    """All that are open in this process."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._live = Live(context.database)
        self._sockets: set[web.WebSocketResponse] = set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """A channel, for as long as it lasts."""
        actor = None
        if find_credential(request, with_query=False):
            actor = await _authenticate(self._context, request)
        socket = web.WebSocketResponse(
            timeout=PARTING_SECONDS,
            heartbeat=HEARTBEAT_SECONDS,
            compress=False,
            max_msg_size=HEARD_BYTES_MAX,
        )
        if not socket.can_prepare(request).ok:
            raise Invalid("This is a websocket")
        await socket.prepare(request)
        self._sockets.add(socket)
        try:
            await Channel(self._context, self._live, request, socket).run(actor)
        finally:
            self._sockets.discard(socket)
            if not socket.closed and request.transport:
                request.transport.abort()
        return socket

    async def close(self, app: web.Application) -> None:
        """Clients come back, to whoever is there then."""
        await asyncio.gather(*(socket.close(code=GOING_AWAY) for socket in self._sockets))


class Channel:
    """One connection."""

    def __init__(
        self, context: Context, live: Live, request: web.Request, socket: web.WebSocketResponse
    ) -> None:
        self._context = context
        self._live = live
        self._request = request
        self._socket = socket
        self._subscribed = asyncio.Event()
        self._started_anew = asyncio.Event()
        self._credit, self._needed = 0, 1
        self._granted = asyncio.Event()
        self._acks_heard = 0

    async def run(self, actor: Actor | None) -> None:
        try:
            with suppress(Gone):
                await self._talk(actor)
        except Over as over:
            with suppress(Gone, Over):
                await self._put(Error(over.code, str(over)))
            message = str(over).encode()[:100]
            with suppress(TimeoutError):
                async with asyncio.timeout(PARTING_SECONDS * 2):
                    await self._socket.close(code=over.code, message=message)

    async def _talk(self, actor: Actor | None) -> None:
        if actor is None:
            actor = await self._hear_who()
        assert actor.session_id
        async with self._live.follow(actor.user_id, actor.session_id) as follower:
            # Again: had the session ended meanwhile, nobody would tell this follower.
            await self._find_actor()
            await self._put(Hello(VERSION, actor.user_id, actor.session_id))
            await _race(self._hear(follower), self._send(follower), self._watch(follower))

    async def _hear_who(self) -> Actor:
        try:
            async with asyncio.timeout(GREETING_SECONDS):
                frame = await self._next()
        except TimeoutError:
            raise Over(UNAUTHENTICATED, "Authentication required") from None
        if not isinstance(frame, Auth):
            raise Over(UNAUTHENTICATED, "Authentication required")
        headers = {**self._request.headers, "Authorization": f"Bearer {frame.token}"}
        self._request = self._request.clone(headers=headers)
        return await self._find_actor()

    async def _find_actor(self) -> Actor:
        try:
            return await _authenticate(self._context, self._request)
        except Refused as refused:
            raise Over(UNAUTHENTICATED, str(refused)) from refused

    async def _watch(self, follower: Follower) -> None:
        """Until there is no reason to go on."""
        try:
            async with asyncio.timeout(GREETING_SECONDS):
                await self._subscribed.wait()
        except TimeoutError:
            raise Over(INVALID, "Nothing was subscribed to") from None
        await follower.ended.wait()
        raise Over(UNAUTHENTICATED, "The session ended")

    async def _hear(self, follower: Follower) -> None:
        while True:
            match await self._next():
                case Subscribe() as frame if not self._subscribed.is_set():
                    await self._subscribe(follower, frame)
                case Credit(count):
                    self._grant(count)
                case Ack(acks):
                    await self._ack(follower, acks)
                case frame:
                    raise Over(INVALID, f"Not now: {type(frame).__name__.lower()}")

    async def _subscribe(self, follower: Follower, frame: Subscribe) -> None:
        for name in frame.types:
            if newer := feeds.REPLACED.get(name):
                raise Over(INVALID, f"{name} is deprecated, use {newer} instead")
            if name not in feeds.REQUESTS:
                raise Over(INVALID, f"Unknown type: {name}")
        acks = None
        if frame.acks is not None:
            try:
                acks = dict(map(checkpoints.parse_ack, frame.acks))
            except Invalid as invalid:
                raise Over(INVALID, str(invalid)) from invalid
        await follower.start(frame.types, acks)
        self._credit += frame.credit
        self._subscribed.set()

    def _grant(self, count: int) -> None:
        self._credit = min(self._credit + count, CREDIT_MAX)
        self._granted.set()

    async def _ack(self, follower: Follower, acks: list[str]) -> None:
        """Keep it with the session, as `POST /sync/ack` does."""
        self._acks_heard += 1
        try:
            async with self._context.database.write() as tx:
                await checkpoints.save_acks(tx, follower.session_id, acks)
        except (Invalid, Disconnected) as error:
            is_theirs = isinstance(error, Invalid)
            message = str(error) if is_theirs else "The database is not reachable"
            await self._put(Refusal(self._acks_heard, message))
            return
        await self._put(Acked(self._acks_heard))
        if any(ack.startswith("SyncResetV1|") for ack in acks):
            self._started_anew.set()

    async def _send(self, follower: Follower) -> None:
        """Rounds, each from where the last one ended, as soon as there may be something."""
        await self._subscribed.wait()
        while True:
            await follower.woken.wait()
            await self._wait_for_credit()
            try:
                await self._send_round(follower)
            except TooSlow:
                raise Over(TOO_SLOW, "This took too long; come back, the acks stand") from None
            except Unauthenticated as refused:  # Logged out since the session was looked at.
                raise Over(UNAUTHENTICATED, str(refused)) from None
            except Disconnected:
                await asyncio.sleep(RETRY_SECONDS)
                follower.woken.set()
            except Stalled:
                follower.woken.set()

    async def _send_round(self, follower: Follower) -> None:
        waiting: list[bytes] = []
        is_news = not follower.is_complete
        async with aclosing(follower.read()) as blocks:
            async for block in blocks:
                if block == RESET:
                    break
                is_news = is_news or b'"SyncCompleteV1"' not in block[:30]
                waiting.append(block)
                if sum(map(len, waiting)) >= FRAME_BYTES_MIN:
                    await self._send_lines(follower, waiting)
                    waiting = []
            else:
                block = b""
        if block == RESET:
            await self._start_anew(follower)
        elif is_news:
            await self._send_lines(follower, waiting)
        elif waiting:
            follower.note_sent(waiting[-1])

    async def _start_anew(self, follower: Follower) -> None:
        self._started_anew.clear()
        await self._put(Reset())
        await self._started_anew.wait()
        await follower.start_anew()

    async def _send_lines(self, follower: Follower, blocks: list[bytes]) -> None:
        """All of these, in frames of whole lines, as the client lets us."""
        lines = b"".join(blocks)
        while lines:
            size = _fit(lines, min(self._credit, FRAME_BYTES_MAX))
            if size > self._credit:
                self._needed = size
                await self._wait_for_credit(STALL_SECONDS)
                continue
            piece = lines[:size]
            self._credit -= size
            await self._put(Lines(piece))
            follower.note_sent(piece)
            lines = lines[size:]
        for block in blocks:
            follower.note_sent(block)

    async def _wait_for_credit(self, grant_seconds: float | None = None) -> None:
        """Until there is what we need. Raises Stalled after so long without a grant."""
        if self._credit >= self._needed:
            return
        await self._put(Blocked(self._needed))
        try:
            while self._credit < self._needed:
                self._granted.clear()
                async with asyncio.timeout(grant_seconds):
                    await self._granted.wait()
        except TimeoutError:
            raise Stalled from None
        self._needed = 1

    async def _next(self) -> Heard:
        message = await self._socket.receive()
        if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
            raise Gone
        if message.type is not WSMsgType.BINARY:
            raise Over(INVALID, "Frames are binary")
        try:
            return decode(message.data)
        except msgspec.DecodeError as error:
            raise Over(INVALID, str(error)) from error

    async def _put(self, frame: Said) -> None:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._socket.send_bytes(encode(frame))
        except (TimeoutError, ConnectionError):
            raise Gone from None  # Nor could we tell it so.


async def _authenticate(context: Context, request: web.Request) -> Actor:
    """The session behind a request's headers and cookies: cursors belong to one."""
    actor = await authenticate(context.database, request, with_query=False)
    if actor.session_id is None:
        raise Forbidden("Sync endpoints cannot be used with API keys")
    return actor


async def _race(*parts: Coroutine[Any, Any, None]) -> None:
    """All at once, until one ends, and so that it ends as that one does."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _fit(lines: bytes, size: int) -> int:
    """The length of the whole lines at the start that take no more than this; of one at least."""
    if len(lines) <= size:
        return len(lines)
    return lines.rfind(b"\n", 0, size) + 1 or lines.index(b"\n") + 1
