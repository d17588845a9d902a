"""/assets/{id}/original, /thumbnail and /video/playback: the bytes themselves."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import PurePosixPath
from typing import Literal

from aiohttp import web

from server.body import Body
from server.byte_responses import file_response
from server.endpoint import Call, endpoint
from sql import reads
from storage import inspection, media_types, paths
from sync import access
from sync.errors import Missing, NoAccess
from sync.operations import renditions

NOT_MADE = "Asset media not found"
NOT_FOUND = "Not Found"  # one answer, whatever the reason


class Edited(Body):
    edited: bool = False


class Thumbnail(Edited):
    size: Literal["original", "fullsize", "preview", "thumbnail"] = "thumbnail"


@endpoint("GET", "/assets/{id}/original", auth="link", permission="asset.download", query=Edited)
async def download_asset(call: Call) -> web.StreamResponse:
    """The file as it was uploaded, or the picture as it was edited, if it was."""
    row = await _find_or_hide(call, "asset.download", "fullsize")
    if row["is_edited"]:
        name = f"{_stem(row)}_edited{PurePosixPath(row['key']).suffix}"
        return await _send_rendition(call, row, missing=NOT_FOUND, file_name=name)
    return await _send_original(call, row, file_name=row["original_file_name"])


@endpoint("GET", "/assets/{id}/video/playback", auth="link", permission="asset.view")
async def play_asset_video(call: Call) -> web.StreamResponse:
    row = await _find_or_hide(call, "asset.view", "encoded_video")
    if row["type"] != "VIDEO":
        raise Missing(NOT_FOUND)
    if row["key"]:
        with suppress(Missing):
            return await _send_rendition(call, row, missing=NOT_FOUND)
    return await _send_original(call, row)


@endpoint("GET", "/assets/{id}/thumbnail", auth="link", permission="asset.view", query=Thumbnail)
async def view_asset(call: Call) -> web.StreamResponse:
    size = call.query.size
    row = await _find(call, "asset.view", size)
    if size == "original":
        return _redirect(call, "original", size=None)
    if size == "fullsize":
        if call.actor.link and not call.actor.link.is_download_allowed:
            return _redirect(call, "thumbnail", size="preview")
        is_shown_as_is = media_types.is_web_displayable(row["original_file_name"])
        if is_shown_as_is and not call.query.edited:
            return _redirect(call, "original", size=None)
        if row["key"] is None:
            return _redirect(call, "thumbnail", size="preview")
    if row["key"] is None:
        raise Missing(NOT_MADE)
    name = None
    if not call.actor.link or call.actor.link.is_metadata_shown:
        name = f"{_stem(row)}_{size}{PurePosixPath(row['key']).suffix}"
    try:
        return await _send_rendition(call, row, missing=NOT_MADE, file_name=name)
    except Missing:
        if size != "fullsize":
            raise
        return _redirect(call, "thumbnail", size="preview")


async def _find(call: Call, permission: str, type_: str) -> reads.assets.get_file_row:
    """The asset, with its file of that type if it has one. Raises NoAccess."""
    asset_id = call.ids["id"]
    async with call.context.database.read() as connection:
        await access.require_assets(connection, call.actor, [asset_id], permission)
        row = await reads.assets.get_file(
            connection,
            asset_id=asset_id,
            type=type_,
            is_edited=_is_edited_wanted(call),
        )
    if row is None:
        raise NoAccess(permission)
    return row


def _is_edited_wanted(call: Call) -> bool:
    """Who comes by a link sees pictures as they were edited: what was cut off was not shared."""
    return call.actor.link is not None or getattr(call.query, "edited", False)


def _stem(row: reads.assets.get_file_row) -> str:
    name = row["original_file_name"]
    return name.rpartition(".")[0] or name


async def _find_or_hide(call: Call, permission: str, type_: str) -> reads.assets.get_file_row:
    try:
        return await _find(call, permission, type_)
    except NoAccess as error:
        raise Missing(NOT_FOUND) from error


async def _send_original(
    call: Call, row: reads.assets.get_file_row, *, file_name: str | None = None
) -> web.StreamResponse:
    """From where it lies; that may change between the look at the row and the one for the file."""
    try:
        return await _send_from_row(call, row, file_name)
    except Missing:
        async with call.context.database.read() as connection:
            now = await reads.assets.get_file(
                connection, asset_id=row["id"], type="", is_edited=False
            )
        if now is None or now["original_key"] == row["original_key"]:
            raise
        return await _send_from_row(call, now, file_name)


async def _send_from_row(
    call: Call, row: reads.assets.get_file_row, file_name: str | None
) -> web.StreamResponse:
    return await file_response(
        call.request,
        paths.resolve(call.context.root, row["original_key"]),
        media_type=media_types.mime_type(row["original_key"]),
        missing=NOT_FOUND,
        file_name=file_name,
        etag=row["checksum"].hex(),
    )


async def _send_rendition(
    call: Call, row: reads.assets.get_file_row, *, missing: str, file_name: str | None = None
) -> web.StreamResponse:
    """What is not as it was written, or not there, is made again. Raises Missing then."""
    try:
        return await _send_file(call, row, missing, file_name)
    except Missing:
        now = await _look_again(call, row)
        if now is None or now["updated_at"] == row["updated_at"]:
            if row["file_bytes"] != 0:
                async with call.context.database.write() as tx:
                    await renditions.renew(tx, row)
            raise
        return await _send_file(call, now, missing, file_name)


async def _look_again(
    call: Call, row: reads.assets.get_file_row
) -> reads.assets.get_file_row | None:
    """At the same file: it may have been replaced since the first look."""
    async with call.context.database.read() as connection:
        now = await reads.assets.get_file(
            connection, asset_id=row["id"], type=row["file_type"], is_edited=row["is_edited"]
        )
    return now if now and now["key"] and now["is_edited"] == row["is_edited"] else None


async def _send_file(
    call: Call, row: reads.assets.get_file_row, missing: str, file_name: str | None
) -> web.StreamResponse:
    if row["file_bytes"] == 0:
        raise Missing(missing)
    # Made anew, it may keep its name: the row's time tells the versions apart.
    version = int(row["updated_at"].timestamp() * 1_000_000)
    return await file_response(
        call.request,
        paths.resolve(call.context.root, row["key"]),
        media_type=media_types.mime_type(row["key"]),
        missing=missing,
        file_name=file_name,
        etag=f"{row['id']}-{version:x}",
        is_whole=partial(inspection.is_whole, expected=row["file_bytes"]),
    )


def _redirect(call: Call, target: str, *, size: str | None) -> web.Response:
    """To a neighbour, with the same query but for the size: credentials may be in it."""
    query = call.request.rel_url.query.copy()
    query.popall("size", None)
    if size:
        query["size"] = size
    text = call.request.rel_url.with_query(query).raw_query_string
    return web.Response(status=302, headers={"Location": f"{target}?{text}"})
