"""Assets: photos and videos, from upload to trash and beyond."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from sql import Transaction, reads, writes
from sync import access, log
from sync.actor import Actor, Link
from sync.errors import Invalid
from sync.operations import (
    asset_metadata,
    edits,
    findings,
    live_photos,
    memories,
    people,
    shared_links,
    sidecars,
    stacks,
)

Item = TypeVar("Item")


class Upload(NamedTuple):
    """A file that is stored, and what its sender says of it."""

    asset_id: UUID
    type: str  # IMAGE or VIDEO
    original_key: str
    original_file_name: str
    checksum: bytes  # SHA-1 of the file
    file_bytes: int
    file_created_at: datetime
    file_modified_at: datetime
    duration_ms: int | None = None
    is_favorite: bool = False
    visibility: str = "timeline"
    live_photo_video_id: UUID | None = None
    is_extracted: bool = False  # out of a picture
    sidecar_key: str | None = None
    metadata: Sequence[tuple[str, dict[str, Any]]] = ()


class Film(NamedTuple):
    """What lies inside of a picture; with its file, unless the owner has these bytes."""

    checksum: bytes  # SHA-1
    upload: Upload | None = None


async def record_upload(
    tx: Transaction, owner_id: UUID, upload: Upload, *, link: Link | None = None
) -> UUID:
    """Record an asset whose bytes are stored, and show it where the link leads that it came by.

    Returns its id. Another than the upload's: the owner had these bytes already. Raises Invalid
    when the quota is exceeded or the moving part of a live photo cannot be one, Unauthenticated
    when the link takes nothing any more.
    """
    video_id = upload.live_photo_video_id
    if video_id:
        await live_photos.hold(tx, owner_id, [video_id])
        await live_photos.require_moving_part(tx, owner_id, video_id)
    if not await _insert(tx, owner_id, upload):
        row = await reads.assets.find_duplicate(tx, owner_id=owner_id, checksum=upload.checksum)
        if row is None:
            raise Invalid("The asset was deleted while it was uploaded again")
        if link:
            await shared_links.receive_asset(tx, link, owner_id, row["id"])
        return row["id"]
    if link:
        await shared_links.receive_asset(tx, link, owner_id, upload.asset_id)
    if video_id:
        await live_photos.hide_moving_part(tx, owner_id, video_id, upload.visibility)
    # The owner after albums and links, as whoever deletes goes: so none can deadlock.
    if not await writes.users.add_usage(tx, user_id=owner_id, bytes=upload.file_bytes):
        raise Invalid("Quota has been exceeded!")
    await _stage_upload(tx, owner_id, upload)
    await asset_metadata.keep_metadata(
        tx, owner_id, [(upload.asset_id, key, value) for key, value in upload.metadata]
    )
    return upload.asset_id


async def record_film(tx: Transaction, owner_id: UUID, still_id: UUID, film: Film) -> None:
    """Make what lies inside of a picture its moving part. The picture is held with all around it.

    Nothing happens where somebody linked another, or where only these bytes are locked away. What
    was taken out of the picture before, and is no longer in it, goes.
    """
    (still,) = await writes.assets.lock_assets(tx, asset_ids=[still_id], owner_id=owner_id)
    part = await reads.live_photos.get_part(tx, asset_id=still_id)
    if part and not part["is_extracted"]:
        return
    former = await writes.assets.lock_moving_parts(tx, asset_ids=[still_id])
    place = live_photos.place_of_part(still["visibility"])
    new = film.upload and film.upload._replace(visibility=place, is_extracted=True)
    if new and not await _insert(tx, owner_id, new):
        new = None  # Its file is litter: somebody came with these bytes meanwhile.
    row = await reads.live_photos.find_bytes(tx, owner_id=owner_id, checksum=film.checksum)
    if row is None:
        raise Invalid("The film was deleted while it was looked for")
    is_out_of_reach = row["visibility"] == "locked" != place
    if row["type"] != "VIDEO" or is_out_of_reach or (part and part["id"] == row["id"]):
        return
    if not new:
        await writes.assets.set_trashed(tx, asset_ids=[row["id"]], is_trashed=False)
        if not await reads.live_photos.is_shown_elsewhere(
            tx, video_id=row["id"], asset_id=still_id
        ):
            await live_photos.put_away(tx, owner_id, row["id"], place)
    await live_photos.link(tx, owner_id, still_id, row["id"])
    if former:
        await _delete(tx, Actor(owner_id), [old["id"] for old in former])
    if new:
        await writes.users.count_usage(tx, user_id=owner_id, bytes=new.file_bytes)
        await _stage_upload(tx, owner_id, new)


async def update_assets(
    tx: Transaction,
    actor: Actor,
    asset_ids: Sequence[UUID],
    *,
    is_favorite: bool | None = None,
    visibility: str | None = None,
    exif: dict[str, Any] | None = None,
    taken_at: datetime | None = None,
    shift: timedelta | None = None,
    time_zone: str | None = None,
    is_bulk: bool = False,
) -> None:
    """Change up to a thousand assets alike.

    `exif` holds any of description, latitude, longitude and rating. `taken_at` has the offset of
    the place; `shift` moves the dates there are; `time_zone` is a name such as Europe/Vienna.
    """
    if visibility is not None:
        await _lock_around(tx, actor, asset_ids)
    ids = await _lock(tx, actor, asset_ids, "asset.update")
    if is_favorite is not None or visibility is not None:
        await writes.assets.update_assets(
            tx, asset_ids=ids, is_favorite=is_favorite, visibility=visibility
        )
    if visibility is not None:
        await _take_along(tx, actor, ids, visibility)
    if exif:
        await _update_exif(tx, ids, exif)
    if taken_at is not None:
        await writes.assets.set_date(
            tx,
            asset_ids=ids,
            moment=taken_at,
            local_date_time=taken_at.replace(tzinfo=None),
            time_zone=format_offset(taken_at.utcoffset()),
        )
    in_calendar = len(ids)
    if shift is not None:
        in_calendar = await writes.assets.shift_dates(tx, asset_ids=ids, shift=shift)
    if time_zone is not None and in_calendar == len(ids):
        in_calendar = await writes.assets.set_time_zone(tx, asset_ids=ids, time_zone=time_zone)
    if in_calendar < len(ids):
        raise Invalid("The dates would be out of the calendar")
    is_described = bool(exif) or any(x is not None for x in (taken_at, shift, time_zone))
    if is_described:
        await sidecars.request_writing(tx, actor.user_id, ids)
    await _stage(tx, "asset.updated", actor, ids, is_told=is_bulk or is_described)


async def trash_assets(tx: Transaction, actor: Actor, asset_ids: Sequence[UUID]) -> None:
    await _set_trashed(tx, actor, asset_ids, is_trashed=True)


async def restore_assets(tx: Transaction, actor: Actor, asset_ids: Sequence[UUID]) -> int:
    """Take assets out of the trash; return how many were in it."""
    return await _set_trashed(tx, actor, asset_ids, is_trashed=False)


async def restore_some(tx: Transaction, actor: Actor) -> int:
    """Take up to a thousand assets out of the trash; zero when it is empty."""
    rows = await writes.assets.lock_trashed(tx, owner_id=actor.user_id)
    ids = [row["id"] for row in rows]
    await writes.assets.set_trashed(tx, asset_ids=ids, is_trashed=False)
    await _stage(tx, "asset.restored", actor, ids, is_told=False)
    return len(ids)


async def empty_trash(tx: Transaction, actor: Actor) -> int:
    """Delete up to a thousand trashed assets for good; zero when there are none."""
    rows = await reads.assets.list_trashed(tx, owner_id=actor.user_id)
    ids = {row["id"] for row in rows}
    held = await _lock_around(tx, actor, list(ids))
    trashed = [row["id"] for row in held if row["id"] in ids and row["deleted_at"]]
    await _delete(tx, actor, trashed)
    return len(trashed)


async def expire_trash(tx: Transaction, before: datetime) -> int:
    """Delete for good up to a thousand of one user's assets that were trashed before; how many
    there were."""
    rows = await reads.assets.list_expired(tx, before=before)
    if not rows:
        return 0
    actor = Actor(rows[0]["owner_id"], is_elevated=True)
    ids = {row["id"] for row in rows}
    held = await _lock_around(tx, actor, list(ids))
    await _delete(
        tx,
        actor,
        [row["id"] for row in held if row["id"] in ids and (row["deleted_at"] or before) < before],
    )
    return len(rows)


async def delete_assets(tx: Transaction, actor: Actor, asset_ids: Sequence[UUID]) -> None:
    """Forget assets for good; their files are removed after that is on record."""
    await _lock_around(tx, actor, asset_ids)
    await _delete(tx, actor, await _lock(tx, actor, asset_ids, "asset.delete"))


def shares(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Cut what is to be changed into what one transaction may: a thousand."""
    for start in range(0, len(items), log.IDS_MAX):
        yield items[start : start + log.IDS_MAX]


def format_offset(offset: timedelta | None) -> str:
    """`UTC+2`, `UTC-3:30`, `UTC`: how Immich writes an offset from Greenwich."""
    minutes = int((offset or timedelta()).total_seconds() // 60)
    hours, rest = divmod(abs(minutes), 60)
    if not minutes:
        return "UTC"
    return f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02}" if rest else "")


async def _insert(tx: Transaction, owner_id: UUID, upload: Upload) -> bool:
    inserted = await writes.assets.insert_asset(
        tx,
        asset_id=upload.asset_id,
        owner_id=owner_id,
        type=upload.type,
        original_key=upload.original_key,
        original_file_name=upload.original_file_name,
        checksum=upload.checksum,
        file_bytes=upload.file_bytes,
        file_created_at=upload.file_created_at,
        file_modified_at=upload.file_modified_at,
        duration_ms=upload.duration_ms,
        is_favorite=upload.is_favorite,
        visibility=upload.visibility,
        live_photo_video_id=upload.live_photo_video_id,
        is_extracted=upload.is_extracted,
    )
    if inserted:
        await writes.assets.insert_exif(tx, asset_id=upload.asset_id)
    if inserted and upload.sidecar_key:
        await writes.assets.put_file(
            tx, asset_id=upload.asset_id, type="sidecar", key=upload.sidecar_key
        )
    return bool(inserted)


async def _stage_upload(tx: Transaction, owner_id: UUID, upload: Upload) -> None:
    await log.stage(
        tx,
        "asset.uploaded",
        owner_id,
        [upload.asset_id],
        audience=[owner_id],
        name=upload.original_file_name,
        checksum=upload.checksum,
        bytes=upload.file_bytes,
    )


async def _take_along(
    tx: Transaction, actor: Actor, asset_ids: list[UUID], visibility: str
) -> None:
    """What is locked away is in no album; moving parts go with their stills, and return hidden."""
    is_locked = visibility == "locked"
    parts = [
        part["id"]
        for part in await writes.assets.lock_moving_parts(tx, asset_ids=asset_ids)
        if part["id"] not in asset_ids and (part["visibility"] == "locked") != is_locked
    ]
    await writes.assets.update_assets(
        tx, asset_ids=parts, is_favorite=None, visibility="locked" if is_locked else "hidden"
    )
    if is_locked:
        await shared_links.unshare_assets(tx, [*asset_ids, *parts])
    await stacks.follow_first(tx, actor.user_id, [*asset_ids, *parts])
    await _stage(tx, "asset.updated", actor, parts, is_told=False)


async def _update_exif(tx: Transaction, asset_ids: list[UUID], exif: dict[str, Any]) -> None:
    await writes.assets.update_exif(
        tx,
        asset_ids=asset_ids,
        set=sorted(exif),
        description=exif.get("description"),
        latitude=exif.get("latitude"),
        longitude=exif.get("longitude"),
        rating=exif.get("rating"),
    )
    if "latitude" in exif:
        await writes.assets.locate(tx, asset_ids=asset_ids)


async def _set_trashed(
    tx: Transaction, actor: Actor, asset_ids: Sequence[UUID], *, is_trashed: bool
) -> int:
    ids = await _lock(tx, actor, asset_ids, "asset.delete")
    rows = await writes.assets.set_trashed(tx, asset_ids=ids, is_trashed=is_trashed)
    topic = "asset.trashed" if is_trashed else "asset.restored"
    await _stage(tx, topic, actor, [row["id"] for row in rows], is_told=True)
    return len(rows)


async def _delete(tx: Transaction, actor: Actor, asset_ids: list[UUID]) -> None:
    """Delete assets that are locked, the moving parts nobody else uses, and all that is theirs."""
    parts = await writes.assets.lock_moving_parts(tx, asset_ids=asset_ids)
    ids = list({*asset_ids, *(part["id"] for part in parts)})
    await shared_links.unshare_assets(tx, ids)
    for resource in (stacks, memories, people, findings, edits, asset_metadata):
        await resource.forget_assets(tx, actor.user_id, ids)
    files = await writes.assets.delete_files(tx, asset_ids=ids)
    parted = await writes.assets.unlink_videos(tx, asset_ids=ids)
    gone = await writes.assets.delete_assets(tx, asset_ids=ids)

    owned = [row for row in gone if row["library_id"] is None]
    await writes.users.add_usage(
        tx, user_id=actor.user_id, bytes=-sum(row["file_bytes"] for row in owned)
    )
    keys = [row["original_key"] for row in owned] + [row["key"] for row in files]
    await _stage(tx, "asset.updated", actor, [row["id"] for row in parted], is_told=False)
    await log.stage(
        tx,
        "asset.deleted",
        actor.user_id,
        [row["id"] for row in gone],
        audience=[actor.user_id],
        keys=keys,
    )


async def _lock_around(
    tx: Transaction, actor: Actor, asset_ids: Sequence[UUID]
) -> list[writes.assets.lock_around_row]:
    """Hold the library, and the actor's assets with all that may change when they go."""
    await access.hold_library(tx, actor.user_id)
    return await writes.assets.lock_around(tx, asset_ids=list(asset_ids), owner_id=actor.user_id)


async def _lock(
    tx: Transaction, actor: Actor, asset_ids: Sequence[UUID], permission: str
) -> list[UUID]:
    rows = await access.lock_assets(tx, actor, asset_ids, permission)
    return [row["id"] for row in rows]


async def _stage(
    tx: Transaction, topic: str, actor: Actor, asset_ids: list[UUID], *, is_told: bool
) -> None:
    """`is_told`: the actor's open pages are told of each."""
    await log.stage(tx, topic, actor.user_id, asset_ids, audience=[actor.user_id], is_told=is_told)
