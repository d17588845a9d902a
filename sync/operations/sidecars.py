"""Sidecars: files beside originals that say what people said of them.

Whatever is said stages a request with it. Who then writes compares what is said when the file is
put in its place with what it was made of, so the last word is written however many write at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from sql import Transaction, reads, writes
from sync import access, log

if TYPE_CHECKING:
    Said = reads.sidecars.get_said_row

PAGE = 10_000  # In one transaction: the sequencer delivers it in one pass, and others wait for it.
FIRST = UUID(int=0)


async def request_writing(tx: Transaction, owner_id: UUID, asset_ids: Sequence[UUID]) -> None:
    """A person said something of assets, which are held."""
    await writes.sidecars.mark_unwritten(tx, asset_ids=list(asset_ids))
    await log.stage(tx, "asset.sidecar_requested", owner_id, asset_ids)


async def request_renaming(tx: Transaction, owner_id: UUID, values: Sequence[str]) -> None:
    """Tags of these values got others, or went: whatever files name them is to be written anew."""
    await log.stage(
        tx, "tag.sidecars_requested", owner_id, [owner_id], values=list(values), after=FIRST
    )


async def request_naming(
    tx: Transaction, owner_id: UUID, values: Sequence[str], after: UUID
) -> None:
    """The same for some of these files, from an asset's id on; then for the next."""
    rows = await reads.sidecars.list_naming(
        tx, owner_id=owner_id, values=list(values), after=after, limit=PAGE
    )
    ids = [row["id"] for row in rows]
    await log.stage(tx, "asset.sidecar_requested", owner_id, ids)
    if len(ids) == PAGE:
        await log.stage(
            tx, "tag.sidecars_requested", owner_id, [owner_id], values=list(values), after=ids[-1]
        )


async def hold_said(tx: Transaction, said: Said) -> bool:
    """Hold an asset, and tell whether people say of it what they said; if not, look again."""
    if said["tags"] or said["written_tags"]:
        await access.hold_library(tx, said["owner_id"])
    await writes.assets.hold_assets(tx, asset_ids=[said["id"]])
    now = await reads.sidecars.get_said(tx, asset_id=said["id"])
    if now is not None and now != said:
        await log.stage(tx, "asset.sidecar_requested", said["owner_id"], [said["id"]])
    return now == said


async def record_sidecar(tx: Transaction, said: Said, key: str | None) -> None:
    """All that is said of an asset, which is held, is in the stored sidecar of that key; None:
    nothing is said."""
    if key:
        await writes.assets.put_file(tx, asset_id=said["id"], type="sidecar", key=key)
    await writes.sidecars.set_written(tx, asset_id=said["id"], tags=said["tags"])
    await log.stage(tx, "asset.sidecar_written", said["owner_id"], [said["id"]])
