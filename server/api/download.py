"""/download: many originals at once, as archives of a size that the user chose."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from functools import partial
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
    found = await _find_originals(call, asset_ids)
    ordered = [found[id_] for id_ in asset_ids if id_ in found]
    return await _send(call, _members(call, ordered))


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


async def _find_originals(
    call: Call, asset_ids: list[UUID]
) -> dict[UUID, reads.download.list_originals_row]:
    async with call.context.database.read() as connection:
        rows = await reads.download.list_originals(
            connection,
            asset_ids=asset_ids,
            # What was cut off was not shared.
            as_edited=call.body.edited or call.actor.link is not None,
        )
    return {row["id"]: row for row in rows}


def _members(call: Call, rows: list[reads.download.list_originals_row]) -> Iterator[archive.Member]:
    find_again = _finder(call)  # Here: the thread that asks for members has no loop.
    names = archive.unique_names(_name(row) for row in rows)
    return (
        archive.Member(
            _path(call, row), name, row["file_modified_at"], partial(find_again, row["id"])
        )
        for row, name in zip(rows, names, strict=True)
    )


def _finder(call: Call) -> Callable[[UUID], Path | None]:
    """Tells another thread where a file is by now."""
    loop = asyncio.get_running_loop()

    async def find(asset_id: UUID) -> Path | None:
        row = (await _find_originals(call, [asset_id])).get(asset_id)
        return row and _path(call, row)

    return lambda asset_id: asyncio.run_coroutine_threadsafe(find(asset_id), loop).result()


def _path(call: Call, row: reads.download.list_originals_row) -> Path:
    return paths.resolve(call.context.root, row["edited_key"] or row["original_key"])


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
