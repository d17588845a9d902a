"""How far each device has come: the acks it sent, kept with its session."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from sql import Connection, Transaction, reads, writes
from sync.errors import Invalid
from sync.feeds import FEEDS, TYPES

# Up to three positions that a bigint holds, in the digits that every reader agrees on.
PLACE = re.compile(r"[0-9]{1,18}(?:[.][0-9]{1,18}){0,2}")
BACKFILLS = {feed.backfill for feed in FEEDS if feed.backfill}


class Ack(NamedTuple):
    """A cursor. On the wire, behind its type: `AssetV2|epoch.pos`, of a backfill
    `AlbumAssetBackfillV2|epoch.pos.part.ground`."""

    epoch: UUID
    pos: int
    acked_at: datetime
    part: int = 0  # of a backfill: how far in what came into view at `pos`
    ground: int = 0  # of a backfill: up to where all that came into view before is here


async def list_acks(connection: Connection, session_id: UUID) -> dict[str, Ack]:
    """The cursors of a session by type; SyncResetV1: where its copy began, see `retention`."""
    rows = await reads.checkpoints.list_acks(connection, session_id=session_id)
    return {
        row["type"]: Ack(row["epoch"], row["pos"], row["acked_at"], row["part"], row["ground"])
        for row in rows
    }


async def is_pending_reset(connection: Connection, session_id: UUID) -> bool:
    row = await reads.checkpoints.is_pending_reset(connection, session_id=session_id)
    return row is not None and row["is_pending_sync_reset"]


async def save_acks(tx: Transaction, session_id: UUID, acks: Sequence[str]) -> None:
    """Keep what a client says it has, never going back; all or none of it.

    An ack of another history cannot be kept, and its sender holds rows of that history: its next
    stream is a reset. Raises Invalid.
    """
    parsed = [parse_ack(ack) for ack in acks]
    if any(type_ == "SyncResetV1" for type_, _ in parsed):
        await reset(tx, session_id)
        return
    epoch = (await reads.log.head(tx))["epoch"]
    if any(ack.epoch != epoch for _, ack in parsed):
        await writes.checkpoints.set_pending_reset(tx, session_id=session_id, is_pending=True)
        return
    last = dict(parsed)
    for type_ in sorted(last):  # In one order, so that two requests of a device cannot deadlock.
        ack = last[type_]
        await writes.checkpoints.save_ack(
            tx,
            session_id=session_id,
            type=type_,
            epoch=epoch,
            pos=ack.pos,
            part=ack.part,
            ground=ack.ground,
        )


async def delete_acks(
    tx: Transaction, session_id: UUID, types: Collection[str] | None = None
) -> None:
    """Let these types, or all, be sent again from the start: also what came bit by bit."""
    if types is None:
        await writes.checkpoints.delete_acks(tx, session_id=session_id)
    else:
        backfills = {feed.backfill for feed in FEEDS if feed.backfill and feed.type in types}
        await writes.checkpoints.delete_acks_of(
            tx, session_id=session_id, types=[*{*types, *backfills}]
        )


async def reset(tx: Transaction, session_id: UUID) -> None:
    """Forget everything about a device's copy: it starts anew."""
    await writes.checkpoints.delete_acks(tx, session_id=session_id)
    await writes.retention.forget_copy(tx, session_id=session_id)
    await writes.checkpoints.set_pending_reset(tx, session_id=session_id, is_pending=False)


def format_ack(type_: str, ack: Ack) -> str:
    tail = f".{ack.part}.{ack.ground}" if ack.part or ack.ground else ""
    return f"{type_}|{ack.epoch}.{ack.pos}{tail}"


def parse_ack(text: str) -> tuple[str, Ack]:
    """Type and cursor; `SyncResetV1` names no place."""
    type_, _, place = text.partition("|")
    if type_ not in TYPES:
        raise Invalid(f"Invalid ack type: {type_}")
    if type_ == "SyncResetV1":
        return type_, Ack(UUID(int=0), 0, datetime.now(UTC))
    epoch, _, positions = place.partition("|")[0].partition(".")
    try:
        if not PLACE.fullmatch(positions):
            raise ValueError(positions)
        pos, part, ground = [*map(int, positions.split(".")), 0, 0][:3]
        if part > ground and type_ in BACKFILLS:
            raise ValueError(positions)
        return type_, Ack(UUID(epoch), pos, datetime.now(UTC), part, ground)
    except ValueError as error:
        raise Invalid(f"Invalid ack: {type_}") from error
