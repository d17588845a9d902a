"""/download: many originals at once, as archives of a size that the user chose."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from aiohttp import web
from msgspec import Meta

from server.api.asset_upload import to_the_end
from server.body import Body, Id
from server.bulk import Ids
from server.endpoint import CORRELATION_ID, Call, endpoint
from server.wire import Json
from sql import reads
from storage import archive, paths
from sync import access, preferences
from sync.errors import Invalid, NoAccess


class DownloadInfo(Body):
    asset_ids: Ids | None = None
    album_id: Id | None = None
    user_id: Id | None = None
    archive_size: Annotated[int, Meta(ge=1)] | None = None


class DownloadArchive(Body):
    asset_ids: Ids
    edited: bool = False
    archive_name: str = ""


@endpoint(
    "POST", "/download/info", auth="link", permission="asset.download", body=DownloadInfo,
    status=201,
)  # fmt: skip
async def get_download_info(call: Call) -> Json:
    """What to ask of the other: archives, each ending with the asset that fills it."""
    preferred = await _preferences(call)
    files = await _list_files(call, with_extracted=preferred["includeEmbeddedVideos"])
    archives = list(_split(files, call.body.archive_size or preferred["archiveSize"]))
    return {"archives": archives, "totalSize": sum(one["size"] for one in archives)}


@endpoint(
    "POST", "/download/archive", auth="link", permission="asset.download", body=DownloadArchive
)
async def download_archive(call: Call) -> web.StreamResponse:
    """A zip that is made while it is sent."""
    asset_ids = list(dict.fromkeys(call.body.asset_ids))
    async with call.context.database.read() as connection:
        await access.require_assets(connection, call.actor, asset_ids, "asset.download")
        rows = await reads.download.list_originals(
            connection,
            asset_ids=asset_ids,
            # What was cut off was not shared.
            as_edited=call.body.edited or call.actor.link is not None,
        )
    found = {row["id"]: row for row in rows}
    ordered = [found[id_] for id_ in asset_ids if id_ in found]
    return await _send(call, _members(call.context.root, ordered))


async def _list_files(call: Call, *, with_extracted: bool) -> list[reads.download.list_assets_row]:
    """What is asked for, if the actor may have it. Raises NoAccess."""
    asked, actor = call.body, call.actor
    async with call.context.database.read() as connection:
        if asked.asset_ids is not None:
            asset_ids = list(dict.fromkeys(asked.asset_ids))
            await access.require_assets(connection, actor, asset_ids, "asset.download")
            return await reads.download.list_assets(
                connection, asset_ids=asset_ids, with_extracted=with_extracted
            )
        if asked.album_id:
            await access.require_albums(connection, actor, [asked.album_id], "album.download")
            in_album = await reads.download.list_album(
                connection, album_id=asked.album_id, with_extracted=with_extracted
            )
            return [*in_album]
        if asked.user_id:
            if actor.link or asked.user_id != actor.user_id:
                raise NoAccess("timeline.download")
            in_library = await reads.download.list_library(
                connection, user_id=asked.user_id, with_extracted=with_extracted
            )
            return [*in_library]
    raise Invalid("assetIds, albumId, or userId is required")


def _split(
    rows: Iterable[reads.download.list_assets_row], archive_bytes: int
) -> Iterator[dict[str, Any]]:
    """DownloadArchiveInfo of each: what moves is in one with its still."""
    ids: list[UUID] = []
    size, seen = 0, set[UUID]()
    for row in rows:
        files = [(row["id"], row["file_bytes"])]
        if row["part_id"] is not None:
            files.append((row["part_id"], row["part_bytes"] or 0))
        for id_, bytes_ in files:
            if id_ not in seen:
                seen.add(id_)
                ids.append(id_)
                size += bytes_
        if size > archive_bytes:
            yield {"assetIds": ids, "size": size}
            ids, size = [], 0
    if ids:
        yield {"assetIds": ids, "size": size}


async def _preferences(call: Call) -> dict[str, Any]:
    async with call.context.database.read() as connection:
        kept = await reads.users.get_metadata(
            connection, user_id=call.actor.user_id, key="preferences"
        )
    preferred = preferences.complete(kept["value"] if kept else {})
    return preferred["download"]


def _members(root: Path, rows: list[reads.download.list_originals_row]) -> Iterator[archive.Member]:
    names = archive.unique_names(_name(row) for row in rows)
    for row, name in zip(rows, names, strict=True):
        path = paths.resolve(root, row["edited_key"] or row["original_key"])
        yield archive.Member(path, name, row["file_modified_at"])


def _name(row: reads.download.list_originals_row) -> str:
    """An edited picture may be of another format than the original."""
    name = row["original_file_name"]
    if row["edited_key"] is None:
        return name
    return PurePosixPath(name).stem + PurePosixPath(row["edited_key"]).suffix


async def _send(call: Call, members: Iterator[archive.Member]) -> web.StreamResponse:
    headers = {
        "Content-Type": "application/octet-stream",
        "X-Correlation-ID": call.request[CORRELATION_ID],
    }
    if name := call.body.archive_name:
        name = name if name.lower().endswith(".zip") else f"{name}.zip"
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    response = web.StreamResponse(headers=headers)
    await response.prepare(call.request)
    blocks = archive.pack(members)
    try:
        while (block := await to_the_end(asyncio.to_thread(next, blocks, None))) is not None:
            await response.write(block)
        await response.write_eof()
    except BaseException:
        # Nothing else can tell who reads that this is not all.
        if call.request.transport:
            call.request.transport.abort()
        raise
    finally:
        await to_the_end(asyncio.to_thread(blocks.close))
    return response
