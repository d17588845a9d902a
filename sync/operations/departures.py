"""Users who are deleted: first out of sight, later for good, and until then they can come back."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sql import Transaction, reads, writes
from sync import log
from sync.actor import Actor
from sync.errors import Forbidden, Invalid
from sync.operations import albums, assets, partners, sessions, users
from sync.topics import EVERYONE


async def delete_account(
    tx: Transaction, actor: Actor, user_id: UUID, *, is_final: bool = False
) -> None:
    """Let somebody in no more, and nobody see them. `is_final`: they do not come back."""
    row = await reads.users.get_user(tx, user_id=user_id)
    if row is None or row["deleted_at"]:
        raise Invalid("User not found")
    if user_id == actor.user_id:
        raise Forbidden("Cannot delete your own account")
    # Albums and partners before the user, as whoever deletes assets goes: so none can deadlock.
    await albums.set_aside(tx, user_id)
    await partners.set_aside(tx, user_id)
    await users.require_another_admin(tx, user_id)
    status = "removing" if is_final else "deleted"
    if not await writes.departures.mark_gone(tx, user_id=user_id, status=status):
        raise Invalid("User not found")
    await _stage(tx, "user.trashed", user_id, by=actor.user_id)
    await sessions.delete_sessions(tx, user_id)


async def restore_account(tx: Transaction, actor: Actor, user_id: UUID) -> None:
    """Somebody is back, with all they shared; they log in again."""
    row = await reads.users.get_user(tx, user_id=user_id)
    if row is None:
        raise Invalid("User not found")
    if row["deleted_at"] is None:
        return
    if not await writes.departures.mark_back(tx, user_id=user_id):
        raise Invalid("The user is being deleted")
    await _stage(tx, "user.restored", user_id, by=actor.user_id)
    await albums.take_back(tx, user_id)
    await partners.take_back(tx, user_id)


async def end_delays(tx: Transaction, delay: timedelta) -> None:
    """Whoever was deleted so long ago does not come back."""
    for row in await writes.departures.mark_removing(tx, delay=delay):
        await _stage(tx, "user.updated", row["id"], by=None)


async def remove_some(tx: Transaction, user_id: UUID) -> bool:
    """Delete for good up to a thousand assets of a user who does not come back, and at last the
    user; return whether there is more to do."""
    row = await reads.departures.get_status(tx, user_id=user_id)
    if row is None or row["status"] != "removing":
        return False
    some = await reads.departures.list_some_assets(tx, user_id=user_id)
    if not some:
        await users.delete_user(tx, user_id)
        return False
    owner = Actor(user_id, is_elevated=True)
    await assets.delete_assets(tx, owner, [one["id"] for one in some])
    return True


async def _stage(tx: Transaction, topic: str, user_id: UUID, *, by: UUID | None) -> None:
    await log.stage(tx, topic, user_id, [user_id], audience=[EVERYONE], by=by)
