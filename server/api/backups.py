"""/admin/database-backups: what can be restored."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import PurePosixPath
from uuid import UUID

from aiohttp import web

from server import tickets
from server.body import Body
from server.byte_responses import file_response
from server.endpoint import Call, endpoint
from server.upload import receive
from server.wire import Json
from server.wire.backups import show_backups
from storage import backups
from sync.errors import Invalid
from sync.operations import backups as operations

UPLOAD_BYTES_MAX = 64 << 30
INVALID_NAME = "Invalid backup name!"


class BackupDelete(Body):
    backups: list[str]


@endpoint("GET", "/admin/database-backups", auth="admin", permission="maintenance")
async def list_database_backups(call: Call) -> Json:
    return show_backups(await asyncio.to_thread(backups.list_backups, call.context.root))


@endpoint(
    "GET",
    "/admin/database-backups/{filename}",
    auth="admin",
    permission="backup.download",
    is_file=True,
)
async def download_database_backup(call: Call) -> web.StreamResponse:
    name = call.request.match_info["filename"]
    if not backups.is_name(name):
        raise Invalid(INVALID_NAME)
    return await file_response(
        call.request,
        backups.path_of(call.context.root, name),
        media_type="application/gzip" if name.endswith(".gz") else "application/sql",
        missing="Not Found",
        file_name=name,
        cache_control="private, no-cache, no-transform",
    )


@endpoint(
    "POST", "/admin/database-backups/upload", auth="admin", permission="backup.upload", status=201
)
async def upload_database_backup(call: Call) -> web.Response:
    if (call.request.content_length or 0) > UPLOAD_BYTES_MAX:
        raise Invalid("The backup is too large")
    async with receive(call.request, call.context.root, file_parts=("file",)) as form:
        part = form.files.get("file")
        if part is None:
            raise Invalid("File is required")
        name = f"{backups.UPLOADED}{PurePosixPath(part.file_name).name}"
        if not backups.is_name(PurePosixPath(part.file_name).name) or not backups.is_name(name):
            raise Invalid(INVALID_NAME)
        size = part.incoming.size
        try:
            await asyncio.to_thread(
                part.incoming.keep, f"{backups.FOLDER}/{name}", datetime.now(UTC)
            )
        except FileExistsError:
            raise Invalid("A backup of that name is there already") from None
    async with call.context.database.write() as tx:
        await operations.note_upload(tx, _who(call), name, size)
    return web.Response(status=201)


@endpoint(
    "DELETE",
    "/admin/database-backups",
    auth="admin",
    permission="backup.delete",
    body=BackupDelete,
)
async def delete_database_backup(call: Call) -> web.Response:
    names = call.body.backups
    if not all(map(backups.is_name, names)):
        raise Invalid(INVALID_NAME)
    async with call.context.database.write() as tx:
        await operations.note_deletion(tx, _who(call), names)
    for name in names:
        await asyncio.to_thread(backups.delete, call.context.root, name)
    return web.Response(status=200)


def _who(call: Call) -> UUID | str:
    """By name where only a ticket says who it is, see server/maintenance.py."""
    return call.request.get(tickets.HOLDER) or call.actor.user_id
