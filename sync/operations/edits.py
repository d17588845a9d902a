"""Edits: how a picture is to be shown otherwise than it was taken. The original stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from sql import Transaction, writes
from sync import access, log
from sync.actor import Actor
from sync.errors import Invalid


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
    (asset,) = await access.lock_assets(tx, actor, [asset_id], "asset.edit.create")
    if asset["type"] != "IMAGE":
        raise Invalid("Only images can be edited")
    if asset["live_photo_video_id"]:
        raise Invalid("Editing live photos is not supported")
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


async def forget_assets(tx: Transaction, owner_id: UUID, asset_ids: Sequence[UUID]) -> None:
    gone = await writes.edits.delete_edits(tx, asset_ids=list(asset_ids))
    await log.stage(tx, "asset_edit.changed", owner_id, [row["id"] for row in gone])


async def _show(
    tx: Transaction, owner_id: UUID, asset_id: UUID, edit_ids: Sequence[UUID], *, is_edited: bool
) -> None:
    await writes.edits.set_edited(tx, asset_id=asset_id, is_edited=is_edited)
    await log.stage(tx, "asset_edit.changed", owner_id, edit_ids, audience=[owner_id])
    await log.stage(tx, "asset.updated", owner_id, [asset_id], audience=[owner_id], is_told=False)
