"""Activities: what members say about an album and its assets, and what they like."""

from __future__ import annotations

from uuid import UUID

from sql import Transaction, reads, writes
from sync import access, log
from sync.actor import Actor
from sync.errors import Invalid, NoAccess


async def create_activity(
    tx: Transaction,
    actor: Actor,
    album_id: UUID,
    *,
    asset_id: UUID | None = None,
    comment: str | None = None,
) -> UUID:
    """Comment on an album, or on an asset of it; without a comment, like it: once."""
    album = await writes.albums.lock_album(tx, album_id=album_id)
    await access.require_albums(tx, actor, [album_id], "activity.create")
    if album is None or not album["is_activity_enabled"]:
        raise NoAccess("activity.create")
    if asset_id and not await reads.albums.list_links(tx, album_id=album_id, asset_ids=[asset_id]):
        raise Invalid("Asset not in album")
    row = await writes.activities.insert_activity(
        tx, album_id=album_id, user_id=actor.user_id, asset_id=asset_id, comment=comment
    )
    if row is None:
        liked = await reads.activities.find_like(
            tx, album_id=album_id, user_id=actor.user_id, asset_id=asset_id
        )
        assert liked is not None, "the album is held, so the like that was in the way stays"
        return liked["id"]
    await log.stage(tx, "activity.created", album_id, [row["id"]])
    return row["id"]


async def delete_activity(tx: Transaction, actor: Actor, activity_id: UUID) -> None:
    """One's own, or any in one's own album."""
    row = await reads.activities.get_activity(tx, activity_id=activity_id)
    if row is None:
        raise NoAccess("activity.delete")
    await writes.albums.lock_album(tx, album_id=row["album_id"])
    if row["user_id"] != actor.user_id:
        await access.require_albums(tx, actor, [row["album_id"]], "activity.delete")
    if await writes.activities.delete_activity(tx, activity_id=activity_id):
        await log.stage(tx, "activity.deleted", row["album_id"], [activity_id])
