"""/asset-files: what lies beside an asset's original."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal

from aiohttp import web

from server.body import Body, Id
from server.byte_responses import file_response
from server.endpoint import Call, endpoint
from server.wire import Json
from server.wire.assets import show_file
from sql import reads
from storage import media_types, paths
from sync import access
from sync.errors import Missing, NoAccess
from sync.operations import renditions


class FileSearch(Body):
    asset_id: Id
    type: Literal["fullsize", "preview", "thumbnail", "sidecar", "encoded_video"] | None = None
    is_edited: bool | None = None
    is_progressive: bool | None = None
    is_transparent: bool | None = None


@endpoint("GET", "/asset-files", permission="assetFile.read", query=FileSearch)
async def search_asset_files(call: Call) -> Json:
    asked = call.query
    async with call.context.database.read() as connection:
        await access.require_assets(connection, call.actor, [asked.asset_id], "asset.read")
        rows = await reads.assets.list_files(
            connection,
            asset_id=asked.asset_id,
            type=asked.type,
            is_edited=asked.is_edited,
            is_progressive=asked.is_progressive,
            is_transparent=asked.is_transparent,
        )
    return [show_file(row) for row in rows]


@endpoint("GET", "/asset-files/{id}", permission="assetFile.read")
async def get_asset_file(call: Call) -> Json:
    return show_file(await _find(call, "assetFile.read"))


@endpoint("GET", "/asset-files/{id}/download", permission="assetFile.download", is_file=True)
async def download_asset_file(call: Call) -> web.StreamResponse:
    row = await _find(call, "assetFile.download")
    try:
        return await _send(call, row)
    except Missing:
        now = await _find(call, "assetFile.download")
        if now["key"] == row["key"]:
            raise
        return await _send(call, now)  # It was moved since the first look at the row.


async def _send(call: Call, row: reads.assets.find_file_row) -> web.StreamResponse:
    return await file_response(
        call.request,
        paths.resolve(call.context.root, row["key"]),
        media_type=media_types.mime_type(row["key"]),
        missing="Not Found",
        file_name=PurePosixPath(row["key"]).name,
        etag=f"{row['id']}-{int(row['updated_at'].timestamp() * 1_000_000):x}",
    )


@endpoint("DELETE", "/asset-files/{id}", permission="assetFile.delete")
async def delete_asset_file(call: Call) -> None:
    async with call.context.database.write() as tx:
        await renditions.delete_file(tx, call.actor, call.ids["id"])


async def _find(call: Call, permission: str) -> reads.assets.find_file_row:
    """A file of the actor's own."""
    async with call.context.database.read() as connection:
        row = await reads.assets.find_file(connection, file_id=call.ids["id"])
        if row is None:
            raise NoAccess(permission)
        await access.require_assets(connection, call.actor, [row["asset_id"]], permission)
    return row
