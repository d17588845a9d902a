"""Edits: how a picture is to be shown otherwise than it was taken. The original stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from sql import Transaction, reads, writes
from sync import access, log
from sync.actor import Actor
from sync.errors import Invalid
from sync.operations.rendition_files import File, columns

SIDE_MAX = 16_383  # pixels; what is longer is a panorama, and no rendition is as large
TURNED = ("5", "6", "7", "8")  # EXIF orientations in which the sides change places


class Edit(NamedTuple):
    """One step. Each starts from what the one before left."""

    action: str  # crop, rotate, mirror
    parameters: dict[str, Any]  # x, y, width, height in pixels; angle in degrees; axis


async def set_edits(
    tx: Transaction, actor: Actor, asset_id: UUID, edits: Sequence[Edit]
) -> list[UUID]:
    """Show a picture with these edits, in this order, and no others; return their ids."""
    if not edits:
        raise Invalid("At least one edit is needed")
    await access.lock_assets(tx, actor, [asset_id], "asset.edit.create")
    asset = await reads.assets.get_editable(tx, asset_id=asset_id)
    assert asset is not None, "it is held"
    _require_editable(asset)
    _require_sense(asset, edits)
    gone = await writes.edits.delete_edits(tx, asset_ids=[asset_id])
    rows = await writes.edits.insert_edits(
        tx,
        asset_id=asset_id,
        actions=[edit.action for edit in edits],
        parameters=[msgspec.json.encode(edit.parameters).decode() for edit in edits],
    )
    made = [row["id"] for row in sorted(rows, key=lambda row: row["sequence"])]
    await _show(tx, actor.user_id, asset_id, [row["id"] for row in gone] + made, is_edited=True)
    return made


async def remove_edits(tx: Transaction, actor: Actor, asset_id: UUID) -> None:
    """Show a picture as it was taken."""
    await access.lock_assets(tx, actor, [asset_id], "asset.edit.delete")
    if gone := await writes.edits.delete_edits(tx, asset_ids=[asset_id]):
        await _show(tx, actor.user_id, asset_id, [row["id"] for row in gone], is_edited=False)


async def record_edit(
    tx: Transaction,
    asset_id: UUID,
    edits: Sequence[dict[str, Any]],
    *,
    thumbhash: bytes,
    width: int,
    height: int,
    files: Mapping[str, File],
    is_transparent: bool = False,
) -> None:
    """Show a picture as these edits left it; `files`: what is stored of it, by types.

    Edits that are not the latest any more are passed over: theirs is another job.
    """
    asset = await writes.edits.hold_edited(tx, asset_id=asset_id)
    if asset is None or asset["edit_ids"] != [UUID(edit["id"]) for edit in edits]:
        return  # The janitor finds the files.
    former = await writes.edits.delete_edited(tx, asset_id=asset_id)
    stored = columns(files)
    await writes.edits.put_edited(tx, asset_id=asset_id, is_transparent=is_transparent, **stored)
    await writes.edits.show_edit(
        tx, asset_id=asset_id, thumbhash=thumbhash, width=width, height=height
    )
    await log.stage(
        tx,
        "asset.edit_made",
        asset["owner_id"],
        [asset_id],
        audience=[asset["owner_id"]],
        edits=[{**edit, "assetId": str(asset_id)} for edit in edits],
        keys=[row["key"] for row in former if row["key"] not in stored["keys"]],
    )


async def forget_assets(tx: Transaction, owner_id: UUID, asset_ids: Sequence[UUID]) -> None:
    gone = await writes.edits.delete_edits(tx, asset_ids=list(asset_ids))
    await log.stage(tx, "asset_edit.changed", owner_id, [row["id"] for row in gone])


async def _show(
    tx: Transaction, owner_id: UUID, asset_id: UUID, edit_ids: Sequence[UUID], *, is_edited: bool
) -> None:
    await writes.edits.set_edited(tx, asset_id=asset_id, is_edited=is_edited)
    await log.stage(tx, "asset_edit.changed", owner_id, edit_ids, audience=[owner_id])
    await log.stage(tx, "asset.updated", owner_id, [asset_id], audience=[owner_id], is_told=False)
    await log.stage(tx, "asset.edit_requested", owner_id, [asset_id])


def _require_editable(asset: reads.assets.get_editable_row) -> None:
    if asset["type"] != "IMAGE":
        raise Invalid("Only images can be edited")
    if asset["live_photo_video_id"]:
        raise Invalid("Editing live photos is not supported")
    sides = (asset["exif_image_width"] or 0, asset["exif_image_height"] or 0)
    if asset["projection_type"] or max(sides) > SIDE_MAX:
        raise Invalid("Editing panorama images is not supported")
    extension = asset["original_file_name"].rpartition(".")[2].upper()
    if extension in ("GIF", "SVG"):
        raise Invalid(f"Editing {extension} images is not supported")


def _require_sense(asset: reads.assets.get_editable_row, edits: Sequence[Edit]) -> None:
    """Cropped at most once and first: what is cut away is told in pixels of the original."""
    if any(edit.action == "crop" for edit in edits[1:]):
        raise Invalid("Crop action must be the first edit action")
    if edits[0].action != "crop":
        return
    width, height = asset["exif_image_width"], asset["exif_image_height"]
    if not width or not height:
        raise Invalid("Asset dimensions are not available for editing")
    if asset["orientation"] in TURNED:
        width, height = height, width
    crop = edits[0].parameters
    if crop["x"] + crop["width"] > width or crop["y"] + crop["height"] > height:
        raise Invalid("Crop parameters are out of bounds")
