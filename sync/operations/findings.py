"""What ml found in pictures that belongs to nobody: their text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sql import Transaction, writes
from sync import log


class Text(NamedTuple):
    """One piece of text in a picture."""

    text: str
    corners: tuple[float, float, float, float, float, float, float, float]
    # x1 y1 to x4 y4, 0 to 1, clockwise from the top left
    box_score: float  # 0 to 1
    text_score: float


async def record_ocr(tx: Transaction, asset_id: UUID, found: Sequence[Text]) -> None:
    """Record what can be read in a picture, in place of what was recorded before."""
    asset = await writes.findings.lock_asset(tx, asset_id=asset_id)
    if asset is None:
        return  # Deleted meanwhile: nothing to read it in.
    gone = await writes.findings.delete_texts(tx, asset_ids=[asset_id])
    made = await writes.findings.insert_texts(
        tx,
        asset_id=asset_id,
        corners=[number for one in found for number in one.corners],
        box_scores=[one.box_score for one in found],
        text_scores=[one.text_score for one in found],
        texts=[one.text for one in found],
    )
    ids = [row["id"] for row in gone] + [row["id"] for row in made]
    await log.stage(tx, "asset_ocr.changed", asset["owner_id"], ids)


async def forget_assets(tx: Transaction, owner_id: UUID, asset_ids: Sequence[UUID]) -> None:
    gone = await writes.findings.delete_texts(tx, asset_ids=list(asset_ids))
    await log.stage(tx, "asset_ocr.changed", owner_id, [row["id"] for row in gone])
