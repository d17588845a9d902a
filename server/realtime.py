"""The sockets: who is connected, and what the log says told to them as it happens."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any
from uuid import UUID

import engineio  # type: ignore[import-untyped]
import msgspec
import socketio  # type: ignore[import-untyped]
from aiohttp import web
from engineio.async_drivers.aiohttp import WebSocket  # type: ignore[import-untyped]
from engineio.packet import MESSAGE  # type: ignore[import-untyped]
from engineio.packet import Packet as Frame

from server import events
from server.authentication import authenticate
from server.context import CONTEXT, Context
from server.events import Event
from server.wire import releases
from server.wire.system import show_version
from sql import Disconnected, reads
from sync import config, tail
from sync.actor import Actor
from sync.errors import Unauthenticated
from sync.operations.system import RELEASE
from sync.tail import Entry
from sync.topics import EVERYONE

logger = logging.getLogger(__name__)
protocol_logger = logger.getChild("protocol")
protocol_logger.setLevel(logging.ERROR)  # It would tell of every frame.

FRAMES_MAX = 256  # Waiting for one socket; as much again may be on its way out.
CHARACTERS_MAX = 2 << 20
STUCK_SECONDS = 60.0  # A socket whose queue overflowed and that reads nothing more.
GREETING_SECONDS = 20.0  # Until a connection has said who it is.
PARTING_SECONDS = 2.0  # For the last words; then the connection is cut.
LOGOUT_SECONDS = 0.5  # The response to a log-out comes first: its page must not race itself.
RETRY_SECONDS = 0.5
# Close, ping, pong; connect, disconnect, event, answer, error.
HEARD = re.compile(r"[123]|4[0-4]")
UNKNOWN_TRANSPORT, UNKNOWN_SID, BAD_METHOD, BAD_REQUEST, BAD_PROTOCOL = 0, 1, 2, 3, 5
ANY_ORIGIN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, OPTIONS",
    "Access-Control-Allow-Headers": "*",
}

ACTOR = web.RequestKey("ACTOR", Actor)
IS_GREETED = web.RequestKey("IS_GREETED", bool)


PATHS = ("/api/socket.io", "/api/socket.io/")


def attach(app: web.Application) -> None:
    """Serve /api/socket.io beside the API."""
    sockets = Sockets(app[CONTEXT])
    for path in PATHS:
        app.router.add_route("*", path, sockets.answer)
    app.cleanup_ctx.append(sockets.follow)
    app.on_shutdown.append(sockets.close)


class Sockets:
    """Everybody who is connected to this process, in rooms."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._io: Any = _Server(
            async_mode="aiohttp",
            transports=["websocket"],
            cors_allowed_origins="*",
            serializer=_Packet,
            logger=protocol_logger,
            engineio_logger=protocol_logger,
            # As the reference does: an `error` can be told only to who is connected.
            always_connect=True,
        )
        self._io.on("connect", self._greet)
        self._io.on("disconnect", self._part)
        self._transports: dict[str, asyncio.Transport] = {}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """A connection, for as long as it lasts."""
        if request.method == "OPTIONS":
            return web.Response(status=204, headers=ANY_ORIGIN)
        if refusal := _refuse(request):
            return refusal
        if actor := await self._find_actor(request):
            request[ACTOR] = actor
        silence = asyncio.get_running_loop().call_later(
            GREETING_SECONDS, _hang_up_stranger, request
        )
        try:
            response: web.StreamResponse = await self._io.handle_request(request)
            return response
        finally:
            silence.cancel()

    async def follow(self, app: web.Application) -> AsyncIterator[None]:
        """Tell what happens from now on, while the application runs."""
        after = await tail.head(self._context.database)
        await self._load_config()  # What was set before the head, and after it was read first.
        following = asyncio.create_task(self._follow(after))
        yield
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    async def close(self, app: web.Application) -> None:
        """Clients that lose a connection come back, to whoever is there then."""
        await self._io.shutdown()
        for transport in self._transports.values():
            transport.close()

    async def _follow(self, after: int) -> None:
        """From where we were, whatever happens: an entry may be told twice, never left out."""
        while True:
            try:
                async with aclosing(tail.follow(self._context.database, after)) as batches:
                    async for entries in batches:
                        try:
                            await self._tell(entries)
                        except Disconnected:
                            raise
                        except Exception:  # What cannot be told must not silence what follows.
                            logger.exception("Not told: up to %d", entries[-1].pos)
                        after = entries[-1].pos
            except Disconnected as error:
                logger.warning("Telling waits for the database: %s", error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _tell(self, entries: list[Entry]) -> None:
        if any(entry.topic == "config.changed" for entry in entries):
            await self._load_config()
        for event in await events.list_events(self._context.database, entries, self._is_here):
            if event.ends and event.name:
                await self._leave_others(event.room)
                asyncio.get_running_loop().call_later(LOGOUT_SECONDS, self._end_soon, event)
            elif event.ends:
                await self._end(event)
            else:
                await self._send(event)
        if any(entry.topic == "maintenance.started" for entry in entries):
            loop = asyncio.get_running_loop()
            loop.call_later(LOGOUT_SECONDS, self._context.restart.set)

    async def _send(self, event: Event) -> None:
        """As the library's emit does, but without a task for each socket: with ten of them that
        halves the time from a commit until it is heard."""
        frame = _frame(event)
        for _, eio_sid in self._io.manager.get_participants("/", str(event.room)):
            await self._io.eio.send_packet(eio_sid, frame)

    async def _load_config(self) -> None:
        async with self._context.database.read() as connection:
            self._context.adopt(await config.load(connection))

    def _is_here(self, room: UUID) -> bool:
        return next(self._io.manager.get_participants("/", str(room)), None) is not None

    async def _leave_others(self, room: UUID) -> None:
        """Let the sockets in a room hear nothing but what is told there."""
        for sid, _ in list(self._io.manager.get_participants("/", str(room))):
            for other in self._io.rooms(sid):
                if other not in (sid, str(room)):
                    await self._io.leave_room(sid, other)

    def _end_soon(self, event: Event) -> None:
        self._io.start_background_task(self._end, event)

    async def _end(self, event: Event) -> None:
        """Last words, and out."""
        if event.name:
            await self._send(event)
        for sid, _ in list(self._io.manager.get_participants("/", str(event.room))):
            await self._io.disconnect(sid)

    async def _greet(self, sid: str, environ: dict[str, Any], _auth: object = None) -> None:
        request: web.Request = environ["aiohttp.request"]
        request[IS_GREETED] = True
        if request.transport is None:
            return  # It is gone already.
        self._transports[sid] = request.transport
        actor = request.get(ACTOR)
        if actor:
            for room in _rooms(actor):
                await self._io.enter_room(sid, str(room))
            try:
                # Again: had the session ended meanwhile, nobody would have found us in its room.
                actor = await self._find_actor(request)
            except Disconnected:
                request.transport.abort()  # Told to go, a client stays away; cut off, it returns.
                return
        if actor is None:
            await self._io.emit("error", "unauthorized", to=sid)
            await self._io.disconnect(sid)
            return
        self._bound(sid, actor.user_id, request.transport)
        await self._send(Event(actor.user_id, "on_server_version", (show_version(),)))
        if release := await self._find_release():
            await self._send(Event(actor.user_id, "on_new_release", (release,)))

    async def _find_release(self) -> dict[str, Any] | None:
        """What the last look for newer releases found, if anybody looks."""
        context = self._context
        if context.releases_url is None or not context.config.new_version_check.enabled:
            return None
        try:
            async with context.database.read() as connection:
                row = await reads.settings.get_metadata(connection, key=RELEASE)
        except Disconnected:
            return None
        state = row["value"] if row else None
        return state and releases.show_release(state["checkedAt"], state["releaseVersion"])

    def _part(self, sid: str, _reason: str) -> None:
        if transport := self._transports.pop(sid, None):
            asyncio.get_running_loop().call_later(PARTING_SECONDS, transport.abort)

    def _bound(self, sid: str, user_id: UUID, transport: asyncio.Transport) -> None:
        outbox = self._io.eio.sockets[self._io.manager.eio_sid_from_sid(sid, "/")].queue
        outbox.bind(_frame(events.resync(user_id)), transport.abort)

    async def _find_actor(self, request: web.Request) -> Actor | None:
        """Of the upgrade request's headers and cookies alone."""
        try:
            actor = await authenticate(self._context.database, request, with_query=False)
        except Unauthenticated:
            return None
        if actor.permissions is not None and "all" not in actor.permissions:
            return None
        return actor


class StatusSockets(Sockets):
    """Those of the maintenance mode: nobody is refused, and there is no log to tell of."""

    def __init__(self, context: Context, room_of: Callable[[web.Request], UUID]) -> None:
        super().__init__(context)
        self._room_of = room_of

    async def tell(self, event: Event) -> None:
        await self._send(event)

    async def _greet(self, sid: str, environ: dict[str, Any], _auth: object = None) -> None:
        request: web.Request = environ["aiohttp.request"]
        request[IS_GREETED] = True
        if request.transport is not None:
            self._transports[sid] = request.transport
            room = self._room_of(request)
            self._bound(sid, room, request.transport)
            await self._io.enter_room(sid, str(room))

    async def _find_actor(self, request: web.Request) -> Actor | None:
        return None


class Outbox(asyncio.Queue[Frame | None]):
    """Frames on their way to one socket. Bounded: who reads too slowly loses frames.

    When it has caught up, the hint tells the client to look for itself; when it never does, it is
    hung up on.
    """

    def __init__(self) -> None:
        super().__init__()
        self._hint: Frame | None = None
        self._hang_up: Callable[[], object] | None = None
        self._characters = 0
        self._stuck: asyncio.TimerHandle | None = None

    def bind(self, hint: Frame, hang_up: Callable[[], object]) -> None:
        self._hint, self._hang_up = hint, hang_up

    def put_nowait(self, frame: Frame | None) -> None:
        # What steers the connection is small, and must get through.
        if frame is None or frame.packet_type != MESSAGE or not self._lose(frame):
            super().put_nowait(frame)
            self._characters += _size(frame)

    def _get(self) -> Frame | None:
        frame = super()._get()
        self._characters -= _size(frame)
        if self._stuck and self.empty():
            self._stuck.cancel()
            self._stuck = None
            if self._hint:
                self.put_nowait(self._hint)
        return frame

    def _lose(self, frame: Frame) -> bool:
        """Once one is lost so are all until the hint: what it would have said is stale by then."""
        is_full = self.qsize() >= FRAMES_MAX or self._characters + _size(frame) > CHARACTERS_MAX
        if is_full and not self.empty() and not self._stuck:
            loop = asyncio.get_running_loop()
            self._stuck = loop.call_later(STUCK_SECONDS, self._give_up)
        return self._stuck is not None

    def _give_up(self) -> None:
        if self._hang_up:
            self._hang_up()


class _Json:
    """What an event holds, as it is: lines that Postgres wrote are not read again."""

    @staticmethod
    def dumps(value: object, **_: object) -> str:
        return msgspec.json.encode(value).decode()

    @staticmethod
    def loads(text: str) -> Any:
        return json.loads(text)


class _Packet(socketio.packet.Packet):  # type: ignore[misc]
    json = _Json
    uses_binary_events = False  # Or it would look for bytes in all that we send.


class _Line(WebSocket):  # type: ignore[misc]
    """One websocket. Ends when it hears what no client says, such as the start of a binary event,
    whose parts would be collected without a limit."""

    async def __call__(self, environ: dict[str, Any]) -> web.WebSocketResponse:
        # Compression would cost every open socket some 300 KB, and no client needs it.
        self._sock = web.WebSocketResponse(
            max_msg_size=self.server.max_http_buffer_size, compress=False
        )
        await self._sock.prepare(environ["aiohttp.request"])
        await self.handler(self)
        return self._sock

    async def wait(self) -> str:
        message = await self._sock.receive()
        if message.type is not web.WSMsgType.TEXT or not HEARD.match(message.data):
            raise OSError("The client is gone, or speaks something else")
        return str(message.data)


class _Engine(engineio.AsyncServer):  # type: ignore[misc]
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._async: dict[str, Any] = {**self._async, "websocket": _Line}

    def create_queue(self, *_: object, **__: object) -> Outbox:
        return Outbox()


class _Server(socketio.AsyncServer):  # type: ignore[misc]
    def _engineio_server_class(self) -> type[_Engine]:
        return _Engine


def _frame(event: Event) -> Frame:
    return Frame(MESSAGE, _Packet(data=[event.name, *event.arguments]).encode())


def _rooms(actor: Actor) -> list[UUID]:
    rooms = (EVERYONE, actor.user_id, actor.session_id, actor.api_key_id)
    return [room for room in rooms if room]


def _size(frame: Frame | None) -> int:
    return len(frame.data) if frame is not None and isinstance(frame.data, str) else 0


def _refuse(request: web.Request) -> web.Response | None:
    """What engine.io says to those who speak something else."""
    query = request.query
    if query.get("transport") != "websocket":
        return _refusal(UNKNOWN_TRANSPORT, "Transport unknown")
    if query.get("EIO") != "4":
        return _refusal(BAD_PROTOCOL, "Unsupported protocol version")
    if "sid" in query:  # There is no polling session that could be upgraded.
        return _refusal(UNKNOWN_SID, "Session ID unknown")
    if request.method != "GET":
        return _refusal(BAD_METHOD, "Bad handshake method")
    if not web.WebSocketResponse().can_prepare(request).ok:
        return _refusal(BAD_REQUEST, "Bad request")
    return None


def _refusal(code: int, message: str) -> web.Response:
    return web.json_response({"code": code, "message": message}, status=400, headers=ANY_ORIGIN)


def _hang_up_stranger(request: web.Request) -> None:
    if IS_GREETED not in request and request.transport is not None:
        request.transport.abort()
