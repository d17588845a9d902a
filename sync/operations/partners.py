"""Partners: whole libraries shared with another user."""

from __future__ import annotations

from uuid import UUID

from sql import Transaction, reads, writes
from sync import log
from sync.actor import Actor
from sync.errors import Invalid, NoAccess


async def create_partner(tx: Transaction, actor: Actor, shared_with_id: UUID) -> None:
    """Let another user see the actor's library."""
    user = await reads.users.get_user(tx, user_id=shared_with_id)
    if user is None or user["deleted_at"] or shared_with_id == actor.user_id:
        raise Invalid("Invalid user")
    if not await _begin(tx, actor.user_id, shared_with_id):
        raise Invalid("Partner already exists")


async def update_partner(
    tx: Transaction, actor: Actor, shared_by_id: UUID, *, in_timeline: bool
) -> None:
    """Whether the actor's timeline shows what another shares."""
    row = await writes.partners.set_in_timeline(
        tx, shared_by_id=shared_by_id, shared_with_id=actor.user_id, in_timeline=in_timeline
    )
    if row is None:
        raise NoAccess("partner.update")
    await _stage(tx, "partner.updated", row["id"], shared_by_id, actor.user_id)


async def delete_partner(tx: Transaction, actor: Actor, shared_with_id: UUID) -> None:
    """Let another user see the actor's library no more."""
    if not await _end(tx, actor.user_id, shared_with_id):
        raise Invalid("Partner not found")


async def leave_all(tx: Transaction, user_id: UUID) -> None:
    """A user goes: nothing is shared with them or by them."""
    for partner in await reads.partners.list_partners(tx, user_id=user_id):
        await _end(tx, partner["shared_by_id"], partner["shared_with_id"])


async def set_aside(tx: Transaction, user_id: UUID) -> None:
    """A user goes, and may come back."""
    for partner in await reads.partners.list_partners(tx, user_id=user_id):
        by_id, with_id = partner["shared_by_id"], partner["shared_with_id"]
        await writes.departures.set_aside_partner(
            tx, shared_by_id=by_id, shared_with_id=with_id, user_id=user_id
        )
        await _end(tx, by_id, with_id)


async def take_back(tx: Transaction, user_id: UUID) -> None:
    """They are back."""
    await writes.departures.hand_over_partners(tx, user_id=user_id)
    for partner in await writes.departures.take_partners(tx, user_id=user_id):
        by_id, with_id = partner["shared_by_id"], partner["shared_with_id"]
        await _begin(tx, by_id, with_id)
        await writes.partners.set_in_timeline(
            tx, shared_by_id=by_id, shared_with_id=with_id, in_timeline=partner["in_timeline"]
        )


async def _begin(tx: Transaction, shared_by_id: UUID, shared_with_id: UUID) -> bool:
    row = await writes.partners.insert_partner(
        tx, shared_by_id=shared_by_id, shared_with_id=shared_with_id
    )
    if row is None:
        return False
    await _stage(tx, "partner.created", row["id"], shared_by_id, shared_with_id)
    await log.stage(
        tx, "partner_access.granted", shared_with_id, [shared_by_id], audience=[shared_with_id]
    )
    return True


async def _end(tx: Transaction, shared_by_id: UUID, shared_with_id: UUID) -> bool:
    row = await writes.partners.delete_partner(
        tx, shared_by_id=shared_by_id, shared_with_id=shared_with_id
    )
    if row is None:
        return False
    await _stage(tx, "partner.deleted", row["id"], shared_by_id, shared_with_id)
    await log.stage(
        tx, "partner_access.revoked", shared_with_id, [shared_by_id], audience=[shared_with_id]
    )
    return True


async def _stage(
    tx: Transaction, topic: str, partner_id: UUID, shared_by_id: UUID, shared_with_id: UUID
) -> None:
    """Both sides mirror it."""
    for user_id in (shared_by_id, shared_with_id):
        await log.stage(tx, topic, user_id, [partner_id], audience=[user_id])
