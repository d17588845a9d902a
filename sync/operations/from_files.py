"""What files name, tags and faces: changes of it are followed, all else is left as people have it.

Whoever gave an asset a tag, or said whose face it is, is not overruled by a file that says the
same as it did before.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sql import Transaction, reads, writes
from sync import access
from sync.actor import Actor
from sync.operations import tags


async def hold_asset(
    tx: Transaction, asset_id: UUID, *, names_any: bool
) -> reads.sidecars.get_read_row | None:
    """Hold what a file's words may change, and return what is known of it; None: it is deleted."""
    known = await reads.sidecars.get_read(tx, asset_id=asset_id)
    if known and (names_any or known["tags"] or known["has_faces"]):
        await access.hold_library(tx, known["owner_id"])
    await writes.assets.hold_assets(tx, asset_ids=[asset_id])
    return await reads.sidecars.get_read(tx, asset_id=asset_id)


async def follow_tags(
    tx: Transaction, owner_id: UUID, asset_id: UUID, *, former: Sequence[str], named: Sequence[str]
) -> None:
    """Give an asset the tags that its file names now and did not before, and the other way round.

    What a person took from it stays away while the file names it, and what they gave it stays.
    """
    actor = Actor(owner_id)
    if new := [value for value in named if value not in former]:
        tag_ids = await tags.upsert_tags(tx, actor, new)
        await writes.sidecars.insert_links(tx, asset_id=asset_id, tag_ids=tag_ids)
    if gone := [value for value in former if value not in named]:
        await writes.sidecars.delete_links(tx, asset_id=asset_id, values=gone)
