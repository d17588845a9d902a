"""Whose pictures a timeline may show, by what it was asked for."""

from __future__ import annotations

from uuid import UUID

from sql import Connection, reads
from sync import access
from sync.actor import Actor
from sync.errors import Invalid, NoAccess


async def require_timeline(
    connection: Connection,
    actor: Actor,
    *,
    album_id: UUID | None,
    owner_id: UUID | None,
    visibility: str | None,
) -> UUID | None:
    """The owner whose library it is of; None: an album's, whoever owns what is in it.

    Without an album it is one's own, or a partner's. Raises Unauthenticated for the locked folder
    of a session that was not unlocked, NoAccess and Invalid for what the actor may not see.
    """
    if visibility == "locked":
        access.require_elevated(actor)
    if album_id:
        await access.require_albums(connection, actor, [album_id], "album.read")
    elif owner_id is None:
        owner_id = actor.user_id
    if owner_id is None:
        return None
    is_own = owner_id == actor.user_id and not actor.link
    if not is_own and (actor.link or not await _is_partner(connection, actor, owner_id)):
        raise NoAccess("timeline.read")
    if not is_own and visibility == "archive":
        raise NoAccess("archive.read")
    if not is_own and visibility == "locked":
        raise Invalid("You may not access another user's locked timeline")
    return owner_id


async def require_tag(connection: Connection, actor: Actor, tag_id: UUID) -> None:
    """The actor's own. Raises NoAccess."""
    owned = await reads.tags.get_tags(connection, tag_ids=[tag_id], owner_id=actor.user_id)
    if actor.link or not owned:
        raise NoAccess("tag.read")


async def _is_partner(connection: Connection, actor: Actor, owner_id: UUID) -> bool:
    return await reads.timeline.is_partner(connection, owner_id=owner_id, user_id=actor.user_id)
