"""Who may do what to which entity: every operation and every read by id asks here first."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sql import Connection, Transaction, reads, writes
from sync.actor import Actor
from sync.errors import NoAccess, Unauthenticated


async def require_assets(
    connection: Connection, actor: Actor, asset_ids: Collection[UUID], permission: str
) -> None:
    """All of them are the actor's, and the locked ones only behind the PIN code.

    Raises NoAccess, the same for what is missing and for what is another's.
    """
    rows = await reads.assets.list_owned(
        connection, asset_ids=list(asset_ids), owner_id=actor.user_id
    )
    if len(rows) != len(set(asset_ids)):
        raise NoAccess(permission)
    if not actor.is_elevated and any(row["visibility"] == "locked" for row in rows):
        raise NoAccess(permission)


async def lock_assets(
    tx: Transaction, actor: Actor, asset_ids: Collection[UUID], permission: str
) -> list[writes.assets.lock_assets_row]:
    """Hold the actor's assets until commit; then ask, so that the answer stays true."""
    rows = await writes.assets.lock_assets(tx, asset_ids=list(asset_ids), owner_id=actor.user_id)
    is_locked_away = any(row["visibility"] == "locked" for row in rows)
    if len(rows) != len(set(asset_ids)) or (is_locked_away and not actor.is_elevated):
        raise NoAccess(permission)
    return rows


async def hold_library(tx: Transaction, owner_id: UUID) -> None:
    """One at a time per owner, and before any row: whoever stacks, deletes, or names faces.

    They change rows that they find through others (all in a stack, all faces of a person), so
    they could neither lock these in one order nor be sure to have found them all.
    """
    await writes.assets.hold_library(tx, owner_id=owner_id)


def require_elevated(actor: Actor) -> None:
    """The session is unlocked: what it asks for shows the locked folder."""
    if not actor.is_elevated:
        raise Unauthenticated("Elevated permission is required")
