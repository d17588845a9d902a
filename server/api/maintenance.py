"""/admin/maintenance: into the mode; what is served within it is in server/maintenance.py."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Literal

from aiohttp import web

from server import cookies, tickets
from server.body import Body
from server.endpoint import Call, endpoint
from server.wire import Json
from server.wire.maintenance import Folder, Status, show_install, show_status
from sql import reads
from storage import backups
from sync.errors import Invalid
from sync.operations import maintenance
from sync.operations.maintenance import Mode

FOLDERS = ("encoded-video", "library", "upload", "profile", "thumbs", "backups")
OFF = Status("end", active=False)

Action = Literal["start", "end", "select_database_restore", "restore_database"]


class ModeChange(Body):
    action: Action
    restore_backup_filename: str | None = None


class MaintenanceLogin(Body):
    token: str | None = None


@endpoint(
    "POST",
    "/admin/maintenance",
    auth="admin",
    permission="maintenance",
    body=ModeChange,
    status=201,
)
async def set_maintenance_mode(call: Call) -> web.Response:
    if call.body.action == "end":
        return web.Response(status=201)  # It is off.
    backup = require_backup(call)
    async with call.context.database.read() as connection:
        user = await reads.users.get_user(connection, user_id=call.actor.user_id)
    assert user is not None
    return await _enter(call, call.body.action, backup, user["name"], by=str(user["id"]))


@endpoint("POST", "/admin/database-backups/start-restore", auth="public", status=201)
async def start_database_restore_flow(call: Call) -> web.Response:
    """Of a new server, before anybody could be its administrator."""
    async with call.context.database.read() as connection:
        if await reads.users.has_admin(connection):
            raise Invalid("The server already has an admin")
    return await _enter(call, "select_database_restore", None, "admin", by="nobody")


@endpoint("GET", "/admin/maintenance/status", auth="public")
async def get_maintenance_status(call: Call) -> Json:
    return show_status(OFF, with_error=False)


@endpoint("POST", "/admin/maintenance/login", auth="public", body=MaintenanceLogin, status=201)
async def maintenance_login(call: Call) -> Json:
    raise Invalid("Not in maintenance mode")


@endpoint("GET", "/admin/maintenance/detect-install", auth="admin", permission="maintenance")
async def detect_prior_install(call: Call) -> Json:
    return show_install(await asyncio.to_thread(_look, call.context.root))


def require_backup(call: Call) -> str | None:
    """What is to be restored, if something is."""
    if call.body.action != "restore_database":
        return None
    name: str | None = call.body.restore_backup_filename
    if not name or not backups.is_name(name):
        raise Invalid("Invalid backup name!")
    if not backups.path_of(call.context.root, name).is_file():
        raise Invalid("Backup does not exist")
    return name


async def _enter(
    call: Call, action: str, backup: str | None, username: str, *, by: str
) -> web.Response:
    mode = Mode(secret=tickets.make_secret(), action=action, backup=backup)
    async with call.context.database.write() as tx:
        await maintenance.start(tx, mode, by=by)
    response = web.Response(status=201)
    give_ticket(call.request, response, tickets.sign(mode.secret, username))
    return response


def give_ticket(request: web.Request, response: web.Response, ticket: str) -> None:
    response.set_cookie(
        tickets.COOKIE,
        ticket,
        path="/",
        max_age=tickets.COOKIE_SECONDS,
        httponly=True,
        secure=cookies.is_secure(request),
        samesite="Lax",
    )


def _look(root: Path) -> list[Folder]:
    return [_look_into(root, name) for name in FOLDERS]


def _look_into(root: Path, name: str) -> Folder:
    """A folder that is not there yet is made when it is needed."""
    folder = root / name
    if not folder.is_dir():
        return Folder(name, os.access(root, os.R_OK), os.access(root, os.W_OK), 0)
    try:
        with os.scandir(folder) as entries:
            files = sum(not entry.name.startswith(".") for entry in entries)
    except OSError:
        return Folder(name, False, os.access(folder, os.W_OK), 0)
    return Folder(name, True, os.access(folder, os.W_OK), files)
