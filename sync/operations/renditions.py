"""What media found in files, and what it made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from sql import Transaction, reads, writes
from sync import access, log
from sync.actor import Actor
from sync.errors import Invalid, NoAccess
from sync.operations import assets, from_files, live_photos
from sync.operations.rendition_files import File, columns


class Metadata(msgspec.Struct, kw_only=True):
    """What a file tells of itself; None where it does not."""

    file_created_at: datetime  # with a zone; as given by the sender if the file has no date
    local_date_time: datetime  # the clock on the wall there, without a zone
    width: int | None = None  # pixels, the right way up
    height: int | None = None
    duration_ms: int | None = None
    description: str | None = None
    exif_image_width: int | None = None  # pixels, as stored
    exif_image_height: int | None = None
    orientation: str | None = None  # '1' to '8'
    date_time_original: datetime | None = None
    modify_date: datetime | None = None
    time_zone: str | None = None
    latitude: float | None = None  # degrees
    longitude: float | None = None
    projection_type: str | None = None
    make: str | None = None
    model: str | None = None
    lens_model: str | None = None
    f_number: float | None = None
    focal_length: float | None = None  # mm
    iso: int | None = None
    exposure_time: str | None = None  # '1/125'
    profile_description: str | None = None
    rating: int | None = None  # 1 to 5
    fps: float | None = None
    burst_id: str | None = None
    live_photo_cid: str | None = None  # the same for a still and its film
    film: tuple[int, int] | None = None  # inside of a picture: its first byte, and how many
    tags: Sequence[str] = ()  # with all above them: `Places/Norway`
    faces: Sequence[from_files.Face] | None = None  # None: nobody is to look for them


TAKEN = ("file_created_at", "local_date_time", "width", "height", "duration_ms")


async def request_metadata(tx: Transaction, owner_id: UUID, asset_ids: Sequence[UUID]) -> None:
    """Have files read again, and their pictures made after that."""
    await log.stage(tx, "asset.metadata_requested", owner_id, asset_ids)


async def request_thumbnails(tx: Transaction, owner_id: UUID, asset_ids: Sequence[UUID]) -> None:
    await log.stage(tx, "asset.thumbnail_requested", owner_id, asset_ids)


async def request_transcodes(tx: Transaction, owner_id: UUID, asset_ids: Sequence[UUID]) -> None:
    """Have films made over for browsers, as far as the settings want it."""
    await log.stage(tx, "asset.transcode_requested", owner_id, asset_ids)


async def delete_file(tx: Transaction, actor: Actor, file_id: UUID) -> None:
    """Remove what was made of an asset, until it is made again; its bytes after that is on
    record."""
    file = await reads.assets.find_file(tx, file_id=file_id)
    if file is None:
        raise NoAccess("assetFile.delete")
    await access.lock_assets(tx, actor, [file["asset_id"]], "assetFile.delete")
    if file["type"] == "sidecar":
        raise Invalid("Sidecar files cannot be deleted")
    if await writes.renditions.delete_file(tx, file_id=file_id):
        await log.stage(
            tx, "asset.file_deleted", actor.user_id, [file["asset_id"]], keys=[file["key"]]
        )


async def record_metadata(
    tx: Transaction,
    asset_id: UUID,
    found: Metadata,
    *,
    sidecar: tuple[str | None, datetime | None] = (None, None),
    film: assets.Film | None = None,
    pictures: Mapping[str, Any] | None = None,
) -> None:
    """Show what the file says, but for what a person said instead.

    It was read with the sidecar of that key, which was written then: another tells other things.
    What was taken with it, or as a film inside of it, becomes one with it. `pictures`, if they were
    made at once, are what `record_thumbnail` takes; they are made next without.
    """
    content_id = found.live_photo_cid
    other_id = await live_photos.hold_halves(tx, asset_id, content_id) if content_id else None
    if film:
        await live_photos.hold_around(tx, asset_id)
    known = await from_files.hold_asset(tx, asset_id, names_any=bool(found.tags or found.faces))
    if known is None:
        return  # Deleted meanwhile: nothing to show it on.
    if (known["sidecar_key"], known["sidecar_at"]) != sidecar:
        await request_metadata(tx, known["owner_id"], [asset_id])
        return
    values = msgspec.structs.asdict(found) | {"tags": list(found.tags)}
    del values["film"], values["faces"]
    taken = {name: values.pop(name) for name in TAKEN}
    asset = await writes.renditions.set_taken(tx, asset_id=asset_id, **taken)
    assert asset is not None, "it is held"
    await writes.renditions.set_exif(tx, asset_id=asset_id, **values)
    await from_files.follow_tags(
        tx, known["owner_id"], asset_id, former=known["tags"], named=found.tags
    )
    if found.faces is not None:
        await from_files.follow_faces(tx, known["owner_id"], asset_id, found.faces)
    await writes.assets.locate(tx, asset_ids=[asset_id])
    await log.stage(
        tx,
        "asset.metadata_extracted",
        asset["owner_id"],
        [asset_id],
        audience=[asset["owner_id"]],
    )
    if pictures:
        await record_thumbnail(tx, asset_id, **pictures)
    else:
        await log.stage(
            tx, "asset.thumbnail_requested", asset["owner_id"], [asset_id], with_edit=False
        )
    if film:
        await assets.record_film(tx, asset["owner_id"], asset_id, film)
    if content_id and other_id:
        await live_photos.link_halves(tx, asset_id, other_id, content_id)


async def record_thumbnail(
    tx: Transaction,
    asset_id: UUID,
    *,
    thumbhash: bytes,
    width: int,
    height: int,
    files: Mapping[str, File],
    is_transparent: bool = False,
    made_as: str | None = None,
    with_edit: bool = False,
) -> None:
    """Record pictures whose bytes are stored, by their types. Size in pixels, the right way up.

    What shows how the picture was edited is made again only `with_edit`.
    """
    asset = await writes.renditions.set_thumbhash(
        tx, asset_id=asset_id, thumbhash=thumbhash, width=width, height=height, made_as=made_as
    )
    if asset is None:
        return  # Deleted meanwhile: the janitor finds the files.
    replaced = await writes.renditions.put_pictures(
        tx, asset_id=asset_id, is_transparent=is_transparent, **columns(files)
    )
    owner_id = asset["owner_id"]
    await log.stage(
        tx,
        "asset.thumbnail_made",
        owner_id,
        [asset_id],
        audience=[owner_id],
        is_first=asset["is_bare"],
    )
    if replaced:
        gone = [row["key"] for row in replaced]
        await log.stage(tx, "asset.file_deleted", owner_id, [asset_id], keys=gone)
    if asset["is_bare"] and asset["type"] == "VIDEO":
        await request_transcodes(tx, owner_id, [asset_id])
    if asset["is_edited"] and with_edit:
        await log.stage(tx, "asset.edit_requested", owner_id, [asset_id])


async def renew(tx: Transaction, lost: reads.assets.get_file_row) -> None:
    """Have a file made again that is not what its row says; once, however often it is missed."""
    file_id, updated_at, asset_id = lost["file_id"], lost["updated_at"], lost["id"]
    if not await writes.renditions.mark_lost(tx, file_id=file_id, updated_at=updated_at):
        return
    if lost["file_type"] == "encoded_video":
        await request_transcodes(tx, lost["owner_id"], [asset_id])
    elif lost["is_edited"]:
        await log.stage(tx, "asset.edit_requested", lost["owner_id"], [asset_id])
    else:
        await request_thumbnails(tx, lost["owner_id"], [asset_id])


async def record_encoded_video(
    tx: Transaction, asset_id: UUID, *, key: str | None, policy: str
) -> None:
    """Record the form in which a film is played, None for that of its original, which the policy
    is content with. The former one goes."""
    if key is None:
        await writes.renditions.note_playable(tx, asset_id=asset_id, policy=policy)
    former = await writes.renditions.drop_encoded_video(tx, asset_id=asset_id)
    made = key and await writes.renditions.put_encoded_video(tx, asset_id=asset_id, key=key)
    if owned := made or former:
        gone = [former["key"]] if former else []
        await log.stage(tx, "asset.transcoded", owned["owner_id"], [asset_id], keys=gone)
