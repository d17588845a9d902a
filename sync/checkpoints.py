"""How far each device has come: the acks it sent, kept with its session."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sql import Connection, Transaction, reads, writes
from sync.errors import Invalid
from sync.feeds import TYPES

POSITION = re.compile(r"[0-9]{1,18}")  # what a bigint always holds


class Ack(NamedTuple):
    """A cursor. On the wire, behind its type: `AssetV2|epoch.pos`."""

    epoch: UUID
    pos: int
    acked_at: datetime


async def list_acks(connection: Connection, session_id: UUID) -> dict[str, Ack]:
    """The cursors of a session by type."""
    rows = await reads.checkpoints.list_acks(connection, session_id=session_id)
    return {row["type"]: Ack(row["epoch"], row["pos"], row["acked_at"]) for row in rows}


async def is_pending_reset(connection: Connection, session_id: UUID) -> bool:
    row = await reads.checkpoints.is_pending_reset(connection, session_id=session_id)
    return row is not None and row["is_pending_sync_reset"]


async def save_acks(tx: Transaction, session_id: UUID, acks: Sequence[str]) -> None:
    """Keep what a client says it has, never going back; all or none of it.

    An ack of another history cannot be kept, and its sender holds rows of that history: its next
    stream is a reset. Raises Invalid.
    """
    parsed = [_parse(ack) for ack in acks]
    if any(type_ == "SyncResetV1" for type_, _, _ in parsed):
        await reset(tx, session_id)
        return
    epoch = (await reads.log.head(tx))["epoch"]
    if any(one_epoch != epoch for _, one_epoch, _ in parsed):
        await writes.checkpoints.set_pending_reset(tx, session_id=session_id, is_pending=True)
        return
    last = {type_: pos for type_, _, pos in parsed}
    for type_ in sorted(last):  # In one order, so that two requests of a device cannot deadlock.
        await writes.checkpoints.save_ack(
            tx, session_id=session_id, type=type_, epoch=epoch, pos=last[type_]
        )


async def delete_acks(
    tx: Transaction, session_id: UUID, types: Collection[str] | None = None
) -> None:
    """Let these types, or all, be sent again from the start."""
    if types is None:
        await writes.checkpoints.delete_acks(tx, session_id=session_id)
    else:
        await writes.checkpoints.delete_acks_of(tx, session_id=session_id, types=list(types))


async def reset(tx: Transaction, session_id: UUID) -> None:
    """Forget everything about a device's copy: it starts anew."""
    await writes.checkpoints.delete_acks(tx, session_id=session_id)
    await writes.checkpoints.set_pending_reset(tx, session_id=session_id, is_pending=False)


def format_ack(type_: str, ack: Ack) -> str:
    return f"{type_}|{ack.epoch}.{ack.pos}"


def _parse(ack: str) -> tuple[str, UUID | None, int]:
    """Type, epoch and position; `SyncResetV1` names no place."""
    type_, _, place = ack.partition("|")
    if type_ not in TYPES:
        raise Invalid(f"Invalid ack type: {type_}")
    if type_ == "SyncResetV1":
        return type_, None, 0
    epoch, _, pos = place.partition("|")[0].partition(".")
    try:
        if not POSITION.fullmatch(pos):
            raise ValueError(pos)
        return type_, UUID(epoch), int(pos)
    except ValueError as error:
        raise Invalid(f"Invalid ack: {type_}") from error
