"""The maintenance mode: a small application in the place of the whole one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web
from aiohttp.typedefs import Handler

from server import body, pages, realtime, tickets
from server.api import backups, system
from server.api import maintenance as api
from server.context import CONTEXT, Context
from server.endpoint import (
    JSON_BYTES_MAX,
    NOBODY,
    Answer,
    Call,
    answer_errors,
    json_response,
    read_body,
)
from server.events import Event
from server.restore import restore
from server.restoring import Restoring
from server.wire import Json
from server.wire.maintenance import Status, show_status
from server.wire.system import show_config
from sql import Disconnected
from storage.backups import path_of
from sync.errors import Invalid, Unauthenticated
from sync.operations import maintenance
from sync.operations.maintenance import Mode

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0  # Between two looks whether another process ended it.
HEAR_SECONDS = 0.5  # Between two looks what another process says of its restore.
PARTING_SECONDS = 0.5  # The answer comes first, and the sockets hear why they are cut.
BUSY = "A restore is in progress"
PRIVATE, PUBLIC = UUID(int=1), UUID(int=2)  # Rooms: who has a ticket, and everybody else.
PAGE = "/maintenance"

Handle = Callable[[Call], Awaitable[Answer]]


def build_app(context: Context, mode: Mode) -> web.Application:
    app = web.Application(middlewares=[answer_errors, _lead], client_max_size=JSON_BYTES_MAX)
    app[CONTEXT] = context
    served = _Served(context, mode)
    app.add_routes(served.routes())
    app.router.add_route("*", "/api/{path:.*}", _refuse)
    if context.web_root:
        app.add_routes(pages.routes(context))
    else:
        app.router.add_get("/{path:.*}", _say)
    app.cleanup_ctx.append(served.run)
    app.on_shutdown.append(served.sockets.close)
    return app


class _Served:
    """The mode in this process: how far it is, and who may do what."""

    def __init__(self, context: Context, mode: Mode) -> None:
        self._context, self._mode = context, mode
        self._status = Status(mode.action if mode.action != "restore_database" else "start")
        self._restoring = Restoring(context.root, mode.secret)
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()  # Who tells: what is said first is heard first.
        self.sockets = realtime.StatusSockets(context, self._room_of)

    def routes(self) -> list[web.RouteDef]:
        folder, here = "/admin/database-backups", "/admin/maintenance"
        change = api.ModeChange
        return [
            *(web.route("*", path, self.sockets.answer) for path in realtime.PATHS),
            self._public("GET", "/server/ping", system.ping_server),
            self._public("GET", "/server/version", system.get_server_version),
            self._public("GET", "/server/config", self._show_config),
            self._public("GET", f"{here}/status", self._show_status),
            self._public("POST", f"{here}/login", self._log_in, 201, api.MaintenanceLogin),
            self._private("GET", f"{here}/detect-install", api.detect_prior_install),
            self._private("POST", here, self._change, 201, change),
            self._private("GET", folder, backups.list_database_backups),
            self._private("POST", f"{folder}/upload", self._idle(backups.upload_database_backup)),
            self._private("GET", f"{folder}/{{filename}}", backups.download_database_backup),
            self._private(
                "DELETE", folder, self._idle(backups.delete_database_backup), 200,
                backups.BackupDelete,
            ),
        ]  # fmt: skip

    async def run(self, _: web.Application) -> AsyncIterator[None]:
        """Do what the mode was entered for, and leave it when another process does."""
        for watch in (self._watch(), self._hear()):
            self._begin(watch).add_done_callback(self._note_blindness)
        async with self._context.database.write() as tx:
            taken = await maintenance.take_action(tx)
        if taken and taken.action == "restore_database" and taken.backup:
            await self._start_restore(taken.backup)
        yield
        tasks = self._tasks.copy()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._restoring.release()

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        self._tasks.add(task := asyncio.create_task(work))
        task.add_done_callback(self._tasks.discard)
        return task

    def _public(
        self, method: str, path: str, handle: Handle, status: int = 200, struct: Any = None
    ) -> web.RouteDef:
        return self._route(method, path, handle, status, struct, is_private=False)

    def _private(
        self, method: str, path: str, handle: Handle, status: int = 200, struct: Any = None
    ) -> web.RouteDef:
        return self._route(method, path, handle, status, struct, is_private=True)

    def _route(
        self, method: str, path: str, handle: Handle, status: int, struct: Any, *, is_private: bool
    ) -> web.RouteDef:
        async def answer(request: web.Request) -> web.StreamResponse:
            if is_private:
                request[tickets.HOLDER] = self._read_ticket(request)
            call = Call(request, self._context, NOBODY, {})
            if struct:
                call.body = body.decode_json(await read_body(request), struct)
            found = await handle(call)
            if isinstance(found, web.StreamResponse):
                return found
            return json_response(found, status=status)

        return web.route(method, f"/api{path}", answer)

    def _idle(self, handle: Handle) -> Handle:
        """Not while a restore reads the files and holds the tables."""

        async def check(call: Call) -> Answer:
            if await self._restoring.is_going_on():
                raise Invalid(BUSY)
            return await handle(call)

        return check

    def _read_ticket(self, request: web.Request) -> str:
        return tickets.read(self._mode.secret, request.cookies.get(tickets.COOKIE))

    def _room_of(self, request: web.Request) -> UUID:
        return PRIVATE if self._is_known(request) else PUBLIC

    def _is_known(self, request: web.Request) -> bool:
        try:
            self._read_ticket(request)
        except Unauthenticated:
            return False
        return True

    async def _show_config(self, _: Call) -> Json:
        shown = show_config(self._context.config, is_initialized=True, is_onboarded=True)
        return shown | {"maintenanceMode": True}

    async def _show_status(self, call: Call) -> Json:
        return show_status(self._status, with_error=self._is_known(call.request))

    async def _log_in(self, call: Call) -> web.Response:
        ticket = call.body.token or call.request.cookies.get(tickets.COOKIE)
        username = tickets.read(self._mode.secret, ticket)
        assert ticket is not None
        response = json_response({"username": username}, status=201)
        api.give_ticket(call.request, response, ticket)
        return response

    async def _change(self, call: Call) -> web.Response:
        by, action = self._read_ticket(call.request), call.body.action
        if await self._restoring.is_going_on():
            raise Invalid(BUSY)
        if action == "end":
            await self._end(by)
        elif backup := api.require_backup(call):
            await self._start_restore(backup)
        else:
            await self._tell(Status(action))
        return web.Response(status=201)

    async def _start_restore(self, backup: str) -> None:
        if not await self._restoring.hold():
            raise Invalid(BUSY)
        await self._tell(Status("restore_database", task="ready", progress=0))
        self._begin(self._restore(backup)).add_done_callback(self._note_end)

    async def _restore(self, backup: str) -> None:
        told = self._status

        def tell(task: str, progress: int) -> None:
            nonlocal told
            status = Status("restore_database", task=task, progress=progress)
            if status != told:
                told = status
                self._begin(self._tell(status))

        path = path_of(self._context.root, backup)
        await restore(self._context, path, self._mode, tell=tell)
        await self._end("restore")

    def _note_end(self, restoring: asyncio.Task[None]) -> None:
        """Whatever it failed with: nobody else would hear of it."""
        if not restoring.cancelled():
            self._begin(self._conclude(restoring.exception()))

    async def _conclude(self, problem: BaseException | None) -> None:
        """The last word comes before the lock is let go, or others take us for dead."""
        if problem:
            logger.error("The backup was not restored", exc_info=problem)
            await self._tell(Status("restore_database", task="error", error=str(problem)))
        self._restoring.release()

    def _note_blindness(self, watching: asyncio.Task[None]) -> None:
        """Without the watch nobody here would ever leave: begin anew, whatever mode it is then."""
        if not watching.cancelled() and (problem := watching.exception()):
            logger.error("The mode could not be watched", exc_info=problem)
            self._context.restart.set()

    async def _end(self, by: str) -> None:
        async with self._context.database.write() as tx:
            await maintenance.end(tx, by=by)
        await asyncio.to_thread(self._restoring.forget)
        await self._leave()

    async def _leave(self) -> None:
        async with self._turn:
            await self._show(Status("end", active=False))
        for room in (PRIVATE, PUBLIC):
            event = Event(room, "AppRestartV1", ({"isMaintenanceMode": False},))
            await self.sockets.tell(event)
        loop = asyncio.get_running_loop()
        loop.call_later(PARTING_SECONDS, self._context.restart.set)

    async def _tell(self, status: Status) -> None:
        """Our sockets, and by the file the other processes."""
        async with self._turn:
            await self._restoring.say(status)
            await self._show(status)

    async def _hear(self) -> None:
        """What other processes tell."""
        while True:
            if not self._restoring.is_ours:
                async with self._turn:
                    status = await self._restoring.hear()
                    if status and status != self._status:
                        await self._show(status)
            await asyncio.sleep(HEAR_SECONDS)

    async def _show(self, status: Status) -> None:
        self._status = status
        for room in (PRIVATE, PUBLIC):
            shown = show_status(status, with_error=room == PRIVATE)
            await self.sockets.tell(Event(room, "MaintenanceStatusV1", (shown,)))

    async def _watch(self) -> None:
        """Its end may come from another process, or from the command line."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if await self._restoring.is_going_on():
                continue
            try:
                async with self._context.database.read() as connection:
                    mode = await maintenance.find(connection)
            except Disconnected:
                continue
            if mode is None:
                await self._leave()
                return


@web.middleware
async def _lead(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whoever wants to see a page sees that of the mode, and comes back to theirs after it."""
    is_page = "text/html" in request.headers.get("Accept", "")
    if request.method != "GET" or not is_page or request.path.startswith(("/api/", PAGE)):
        return await handler(request)
    raise web.HTTPFound(f"{PAGE}?{urlencode({'continue': request.path})}")


async def _refuse(_: web.Request) -> web.Response:
    response = json_response({"message": "The server is in maintenance mode"}, status=503)
    response.headers["Retry-After"] = "30"
    return response


async def _say(_: web.Request) -> web.Response:
    """Without a web client there is no more to see."""
    return web.Response(text="Heliograph is in maintenance mode.\n")
