"""/assets: photos and videos, what is known of them, and what apps keep with them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import available_timezones

import msgspec
from msgspec import UNSET, Meta, UnsetType

from server.assets import show_assets
from server.body import Body, Id, InvalidBody, Moment
from server.bulk import Ids
from server.endpoint import Call, endpoint
from server.wire import Json
from server.wire.accounts import show_user
from server.wire.assets import add_owner, show_metadata, show_text
from sql import Connection, reads
from storage import files, paths
from sync import access
from sync.errors import Invalid, NoAccess
from sync.operations import (
    asset_metadata,
    assets,
    copies,
    duplicates,
    live_photos,
    renditions,
)

MINUTES_MAX = 10_000 * 366 * 24 * 60  # more than a calendar has

Visibility = Literal["archive", "timeline", "hidden", "locked"]


class Changes(Body, kw_only=True):
    """What may be changed in one asset or in many."""

    description: str | UnsetType = UNSET
    date_time_original: Moment | UnsetType = UNSET
    is_favorite: bool | UnsetType = UNSET
    latitude: Annotated[float, Meta(ge=-90, le=90)] | UnsetType = UNSET
    longitude: Annotated[float, Meta(ge=-180, le=180)] | UnsetType = UNSET
    rating: Annotated[int, Meta(ge=-1, le=5)] | UnsetType | None = UNSET
    visibility: Visibility | UnsetType = UNSET


class AssetUpdate(Changes, kw_only=True):
    live_photo_video_id: Id | UnsetType | None = UNSET


class AssetBulkUpdate(Changes, kw_only=True):
    ids: Ids
    date_time_relative: Annotated[int, Meta(ge=-MINUTES_MAX, le=MINUTES_MAX)] | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    duplicate_id: Id | UnsetType | None = UNSET


class AssetCopy(Body):
    source_id: Id
    target_id: Id
    albums: bool = True
    favorite: bool = True
    shared_links: bool = True
    sidecar: bool = True
    stack: bool = True


class AssetJobs(Body):
    asset_ids: Ids
    name: Literal["refresh-faces", "refresh-metadata", "regenerate-thumbnail", "transcode-video"]


REQUESTS = {
    "refresh-metadata": renditions.request_metadata,
    "regenerate-thumbnail": renditions.request_thumbnails,
    "transcode-video": renditions.request_transcodes,
}


class AssetBulkDelete(Body):
    ids: Ids
    force: bool = False


class AssetStatistics(Body):
    is_favorite: bool | None = None
    is_trashed: bool = False
    visibility: Visibility | None = None


class MetadataItem(Body):
    key: str
    value: dict[str, Any]


class MetadataUpsert(Body):
    items: list[MetadataItem]


class AssetMetadataItem(MetadataItem):
    asset_id: Id


class MetadataBulkUpsert(Body):
    items: list[AssetMetadataItem]


class AssetMetadataKey(Body):
    asset_id: Id
    key: str


class MetadataBulkDelete(Body):
    items: list[AssetMetadataKey]


@endpoint("GET", "/assets/statistics", permission="asset.statistics", query=AssetStatistics)
async def get_asset_statistics(call: Call) -> Json:
    asked = call.query
    if asked.visibility == "locked":
        access.require_elevated(call.actor)
    async with call.context.database.read() as connection:
        counts = await reads.assets.count_assets(
            connection,
            owner_id=call.actor.user_id,
            is_trashed=asked.is_trashed,
            is_favorite=asked.is_favorite,
            visibility=asked.visibility,
        )
    return dict(counts)


@endpoint("GET", "/assets/{id}", auth="link", permission="asset.read")
async def get_asset_info(call: Call) -> Json:
    asset_id = call.ids["id"]
    async with call.context.database.read() as connection:
        await access.require_assets(connection, call.actor, [asset_id], "asset.read")
        return await _show(connection, call, asset_id, "asset.read")


@endpoint("PUT", "/assets/{id}", permission="asset.update", body=AssetUpdate, aliases=("PATCH",))
async def update_asset(call: Call) -> Json:
    asset_id, video_id = call.ids["id"], call.body.live_photo_video_id
    async with call.context.database.write() as tx:
        if video_id is not UNSET:  # Before any change, or it would come too late to be in order.
            await live_photos.hold(tx, call.actor.user_id, [asset_id, *filter(None, [video_id])])
        await assets.update_assets(tx, call.actor, [asset_id], **_details(call.body))
        if video_id is not UNSET:
            await live_photos.link_live_photo(tx, call.actor, asset_id, video_id)
    async with call.context.database.read() as connection:
        return await _show(connection, call, asset_id, "asset.update")


@endpoint("PUT", "/assets", permission="asset.update", body=AssetBulkUpdate, aliases=("PATCH",))
async def update_assets(call: Call) -> None:
    details = _details(call.body)
    if call.body.date_time_relative is not UNSET:
        details["shift"] = timedelta(minutes=call.body.date_time_relative)
    if call.body.time_zone is not UNSET:
        details["time_zone"] = _known_zone(call.body.time_zone)
    await _require(call, call.body.ids, "asset.update")
    for ids in assets.shares(call.body.ids):
        async with call.context.database.write() as tx:
            if call.body.duplicate_id is not UNSET:
                await duplicates.set_group(tx, call.actor, ids, call.body.duplicate_id)
            await assets.update_assets(tx, call.actor, ids, **details, is_bulk=True)


@endpoint("DELETE", "/assets", permission="asset.delete", body=AssetBulkDelete)
async def delete_assets(call: Call) -> None:
    is_final = call.body.force or not call.context.config.trash.enabled
    remove = assets.delete_assets if is_final else assets.trash_assets
    await _require(call, call.body.ids, "asset.delete")
    for ids in assets.shares(call.body.ids):
        async with call.context.database.write() as tx:
            await remove(tx, call.actor, ids)


@endpoint("PUT", "/assets/copy", permission="asset.copy", body=AssetCopy)
async def copy_asset(call: Call) -> None:
    asked, actor = call.body, call.actor
    async with call.context.database.write() as tx:
        await copies.copy_asset(
            tx,
            actor,
            asked.source_id,
            asked.target_id,
            to_albums=asked.albums,
            to_links=asked.shared_links,
            to_stack=asked.stack,
            is_favorite=asked.favorite,
        )
    if asked.sidecar:
        await _copy_sidecar(call)


@endpoint("POST", "/assets/jobs", permission="job.create", body=AssetJobs)
async def run_asset_jobs(call: Call) -> None:
    """What no worker can do here is refused, not forgotten."""
    request = REQUESTS.get(call.body.name)
    if request is None:
        raise Invalid(f"{call.body.name} is not available on this server")
    await _require(call, call.body.asset_ids, "asset.update")
    for ids in assets.shares(call.body.asset_ids):
        async with call.context.database.write() as tx:
            await request(tx, call.actor.user_id, ids)


@endpoint("GET", "/assets/{id}/ocr", permission="asset.read")
async def get_asset_ocr(call: Call) -> Json:
    await _require(call, [call.ids["id"]], "asset.read")
    async with call.context.database.read() as connection:
        rows = await reads.assets.list_texts(connection, asset_id=call.ids["id"])
    return [show_text(row) for row in rows]


@endpoint("GET", "/assets/{id}/metadata", permission="asset.read")
async def get_asset_metadata(call: Call) -> Json:
    return [show_metadata(row) for row in await _list_metadata(call)]


@endpoint("GET", "/assets/{id}/metadata/{key}", permission="asset.read")
async def get_asset_metadata_by_key(call: Call) -> Json:
    key = call.request.match_info["key"]
    for row in await _list_metadata(call):
        if row["key"] == key:
            return show_metadata(row)
    raise Invalid(f'Metadata with key "{key}" not found for asset with id "{call.ids["id"]}"')


@endpoint("PUT", "/assets/{id}/metadata", permission="asset.update", body=MetadataUpsert)
async def update_asset_metadata(call: Call) -> Json:
    items = [(call.ids["id"], item.key, item.value) for item in call.body.items]
    return [show_metadata(row) for row in await _set_metadata(call, items)]


@endpoint("PUT", "/assets/metadata", permission="asset.update", body=MetadataBulkUpsert)
async def update_bulk_asset_metadata(call: Call) -> Json:
    items = [(item.asset_id, item.key, item.value) for item in call.body.items]
    rows = await _set_metadata(call, items)
    return [{"assetId": row["asset_id"], **show_metadata(row)} for row in rows]


@endpoint("DELETE", "/assets/{id}/metadata/{key}", permission="asset.update")
async def delete_asset_metadata(call: Call) -> None:
    await _delete_metadata(call, [(call.ids["id"], call.request.match_info["key"])])


@endpoint("DELETE", "/assets/metadata", permission="asset.update", body=MetadataBulkDelete)
async def delete_bulk_asset_metadata(call: Call) -> None:
    await _delete_metadata(call, [(item.asset_id, item.key) for item in call.body.items])


async def _require(call: Call, asset_ids: list[UUID], permission: str) -> None:
    async with call.context.database.read() as connection:
        await access.require_assets(connection, call.actor, asset_ids, permission)


async def _show(connection: Connection, call: Call, asset_id: UUID, permission: str) -> msgspec.Raw:
    """Also whose it is, as apps show in albums of many; visitors of a link are not told."""
    shown = await show_assets(
        connection,
        call.actor,
        [asset_id],
        with_exif=True,
        with_people=True,
        with_tags=True,
    )
    owner = await reads.users.get_owner(connection, asset_id=asset_id)
    if not (shown and owner):
        raise NoAccess(permission)
    asset = shown[asset_id]
    return asset if call.actor.link else add_owner(asset, show_user(owner))


async def _copy_sidecar(call: Call) -> None:
    """Bytes first, then the fact; nobody else writes the sidecar meanwhile."""
    asked = call.body
    async with call.context.database.write() as tx:
        keys = await copies.hold_sidecars(tx, call.actor, asked.source_id, asked.target_id)
        if keys is not None:
            await asyncio.to_thread(_copy_file, call.context.root, *keys)
            await copies.record_sidecar(tx, call.actor, asked.target_id, keys[1])


def _copy_file(root: Path, source_key: str, key: str) -> None:
    data = paths.resolve(root, source_key).read_bytes()
    files.write_atomically(root, key, data, durable=True)


async def _list_metadata(call: Call) -> list[reads.assets.list_metadata_row]:
    await _require(call, [call.ids["id"]], "asset.read")
    async with call.context.database.read() as connection:
        return await reads.assets.list_metadata(connection, asset_id=call.ids["id"])


async def _set_metadata(call: Call, items: list[tuple[UUID, str, dict[str, Any]]]) -> list[Any]:
    await _require(call, [asset_id for asset_id, _, _ in items], "asset.update")
    rows: list[Any] = []
    for share in assets.shares(items):
        async with call.context.database.write() as tx:
            rows += await asset_metadata.set_metadata(tx, call.actor, share)
    return rows


async def _delete_metadata(call: Call, items: list[tuple[UUID, str]]) -> None:
    await _require(call, [asset_id for asset_id, _ in items], "asset.update")
    for share in assets.shares(items):
        async with call.context.database.write() as tx:
            await asset_metadata.delete_metadata(tx, call.actor, share)


def _details(body: Changes) -> dict[str, Any]:
    """What `update_assets` is to change."""
    exif = {
        name: value
        for name in ("description", "latitude", "longitude")
        if (value := getattr(body, name)) is not UNSET
    }
    if ("latitude" in exif) != ("longitude" in exif):
        raise _wrong("latitude", "Latitude and longitude must be provided together")
    if body.rating is not UNSET:
        # -1 and 0 are how older clients say "none".
        exif["rating"] = body.rating if body.rating and body.rating > 0 else None
    named = {
        "is_favorite": body.is_favorite,
        "visibility": body.visibility,
        "taken_at": body.date_time_original,
    }
    return {"exif": exif, **{name: value for name, value in named.items() if value is not UNSET}}


@cache
def _zones() -> frozenset[str]:
    # `localtime` is this machine's, whatever it is called, and Postgres knows no such place.
    return frozenset(available_timezones() - {"localtime"})


def _known_zone(name: str) -> str:
    if name not in _zones():
        raise _wrong("timeZone", "Invalid time zone")
    return name


def _wrong(field: str, message: str) -> InvalidBody:
    return InvalidBody([{"code": "custom", "path": [field], "message": message}])
