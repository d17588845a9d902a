"""External libraries: folders outside of the data folder whose photos are shown, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid4

from sql import Transaction, reads, writes
from sync import log
from sync.actor import Actor
from sync.errors import Invalid
from sync.log import IDS_MAX
from sync.operations import assets


async def create_library(
    tx: Transaction,
    actor: Actor,
    owner_id: UUID,
    *,
    name: str,
    import_paths: Sequence[str],
    exclusion_patterns: Sequence[str],
) -> UUID:
    """Raises Invalid when there is no such owner."""
    if await reads.users.get_user(tx, user_id=owner_id) is None:
        raise Invalid("User not found")
    library_id = uuid4()
    await writes.libraries.insert_library(
        tx,
        library_id=library_id,
        owner_id=owner_id,
        name=name,
        import_paths=list(import_paths),
        exclusion_patterns=list(exclusion_patterns),
    )
    await _stage(tx, "library.created", actor, owner_id, library_id)
    return library_id


async def update_library(
    tx: Transaction,
    actor: Actor,
    library_id: UUID,
    *,
    name: str | None = None,
    import_paths: Sequence[str] | None = None,
    exclusion_patterns: Sequence[str] | None = None,
) -> None:
    """Change what is said of it. Raises Invalid."""
    row = await writes.libraries.update_library(
        tx,
        library_id=library_id,
        name=name,
        import_paths=None if import_paths is None else list(import_paths),
        exclusion_patterns=None if exclusion_patterns is None else list(exclusion_patterns),
    )
    if row is None:
        raise Invalid("Library not found")
    await _stage(tx, "library.updated", actor, row["owner_id"], library_id)


async def delete_library(tx: Transaction, actor: Actor, library_id: UUID) -> None:
    """Nobody sees it any more; its assets are still to be forgotten. Raises Invalid."""
    row = await writes.libraries.retire_library(tx, library_id=library_id)
    if row is None:
        raise Invalid("Library not found")
    await _stage(tx, "library.deleted", actor, row["owner_id"], library_id)


async def forget_some(tx: Transaction, library_id: UUID, owner_id: UUID) -> bool:
    """Forget a thousand assets of a library that was deleted, and at last itself; whether there is
    more. Their originals stay where they are."""
    rows = await reads.libraries.list_assets(tx, library_id=library_id, limit=IDS_MAX)
    if not rows:
        await writes.libraries.delete_library(tx, library_id=library_id)
        return False
    owner = Actor(owner_id, is_elevated=True)
    await assets.delete_assets(tx, owner, [row["id"] for row in rows])
    return True


async def _stage(
    tx: Transaction, topic: str, actor: Actor, owner_id: UUID, library_id: UUID
) -> None:
    await log.stage(tx, topic, owner_id, [library_id], by=actor.user_id)
