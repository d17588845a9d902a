"""Pictures of people: each of the face that stands for its person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from sql import Transaction, writes
from sync import log


async def request(tx: Transaction, owner_id: UUID, person_ids: Sequence[UUID]) -> None:
    """Have them made again."""
    await log.stage(tx, "person.thumbnail_requested", owner_id, person_ids)


async def renew(tx: Transaction, person_id: UUID, lost_key: str) -> None:
    """Have a picture made again whose file was lost; once, however often it is missed."""
    row = await writes.people.forget_thumbnail(tx, person_id=person_id, thumbnail_key=lost_key)
    if row:
        await request(tx, row["owner_id"], [person_id])


async def record(
    tx: Transaction, owner_id: UUID, person_id: UUID, *, face_id: UUID, key: str
) -> None:
    """Record a picture of that face whose bytes are stored. They go again if meanwhile another
    face stands for the person."""
    former = await writes.people.set_thumbnail(
        tx, person_id=person_id, face_id=face_id, thumbnail_key=key
    )
    if former is None:
        await drop(tx, owner_id, [key])
        return
    await log.stage(tx, "person.thumbnail_made", owner_id, [person_id], audience=[owner_id])
    if former["thumbnail_key"] != key:
        await drop(tx, owner_id, [former["thumbnail_key"]])


async def drop(tx: Transaction, owner_id: UUID, keys: Iterable[str | None]) -> None:
    """Have files removed that no person claims any more."""
    if named := [key for key in keys if key]:
        await log.stage(tx, "person.thumbnail_dropped", owner_id, [owner_id], keys=named)
