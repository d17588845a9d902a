"""How far each device has come: the acks it sent, kept with its session."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from sql import Connection, Transaction, reads, writes
from sync.errors import Invalid
from sync.feeds import FEEDS, TYPES

# An epoch, a generation, and up to three positions that a bigint holds, in the digits that every
# reader agrees on.
PLACE = re.compile(r"([^.:]+)(?::([1-9][0-9]{0,8}))?[.]([0-9]{1,18}(?:[.][0-9]{1,18}){0,2})")
BACKFILLS = {feed.backfill for feed in FEEDS if feed.backfill}


class Ack(NamedTuple):
    """A cursor. On the wire, behind its type: `AssetV2|epoch.pos`, of a backfill
    `AlbumAssetBackfillV2|epoch.pos.part.ground`; in a later generation `AssetV2|epoch:1.pos`."""

    epoch: UUID
    pos: int
    acked_at: datetime
    part: int = 0  # of a backfill: how far in what came into view at `pos`
    ground: int = 0  # of a backfill: up to where all that came into view before is here
    generation: int = 0  # of the session's copy, when the line was sent


class Progress(NamedTuple):
    """How far a session's copy is."""

    generation: int = 0  # one more with each time that something was forgotten
    is_pending_reset: bool = False
    acks: Mapping[str, Ack] = MappingProxyType({})  # SyncResetV1: where it began, see `retention`


async def get_progress(connection: Connection, session_id: UUID) -> Progress:
    rows = await reads.checkpoints.get_progress(connection, session_id=session_id)
    if not rows:
        return Progress()  # The session ended meanwhile.
    generation = rows[0]["sync_generation"]
    acks = {
        row["type"]: Ack(
            row["epoch"], row["pos"], row["acked_at"], row["part"], row["ground"], generation
        )
        for row in rows
        if row["type"]
    }
    return Progress(generation, rows[0]["is_pending_sync_reset"], acks)


async def list_acks(connection: Connection, session_id: UUID) -> Mapping[str, Ack]:
    """The cursors of a session by type."""
    return (await get_progress(connection, session_id)).acks


async def save_acks(tx: Transaction, session_id: UUID, acks: Sequence[str]) -> None:
    """Keep what a client says it has, never going back; all or none of it.

    An ack of another history cannot be kept, and its sender holds rows of that history: its next
    stream is a reset. One of an earlier generation tells of rows that the client may have thrown
    away since, so it is passed over. Raises Invalid.
    """
    parsed = [parse_ack(ack) for ack in acks]
    if any(type_ == "SyncResetV1" for type_, _ in parsed):
        await reset(tx, session_id)
        return
    held = await writes.checkpoints.hold_session(tx, session_id=session_id)
    if held is None:
        return  # The session ended meanwhile.
    epoch, generation = held["epoch"], held["sync_generation"]
    if any(ack.epoch != epoch or ack.generation > generation for _, ack in parsed):
        await writes.checkpoints.set_pending_reset(tx, session_id=session_id, is_pending=True)
        return
    last = {type_: ack for type_, ack in parsed if ack.generation == generation}
    await writes.checkpoints.save_acks(
        tx,
        session_id=session_id,
        epoch=epoch,
        types=list(last),
        positions=[ack.pos for ack in last.values()],
        parts=[ack.part for ack in last.values()],
        grounds=[ack.ground for ack in last.values()],
    )


async def delete_acks(
    tx: Transaction, session_id: UUID, types: Collection[str] | None = None
) -> None:
    """Let these types, or all, be sent again from the start: also what came bit by bit.

    No ack that is on its way brings one of them back. Those of other types are lost with it, and
    their lines sent once more.
    """
    await writes.checkpoints.begin_generation(tx, session_id=session_id)
    if types is None:
        await writes.checkpoints.delete_acks(tx, session_id=session_id)
    else:
        backfills = {feed.backfill for feed in FEEDS if feed.backfill and feed.type in types}
        await writes.checkpoints.delete_acks_of(
            tx, session_id=session_id, types=[*{*types, *backfills}]
        )


async def reset(tx: Transaction, session_id: UUID) -> None:
    """Forget everything about a device's copy: it starts anew."""
    await writes.checkpoints.begin_generation(tx, session_id=session_id)
    await writes.checkpoints.delete_acks(tx, session_id=session_id)
    await writes.retention.forget_copy(tx, session_id=session_id)
    await writes.checkpoints.set_pending_reset(tx, session_id=session_id, is_pending=False)


def format_ack(type_: str, ack: Ack) -> str:
    tail = f".{ack.part}.{ack.ground}" if ack.part or ack.ground else ""
    return f"{type_}|{format_history(ack.epoch, ack.generation)}.{ack.pos}{tail}"


def format_history(epoch: UUID, generation: int) -> str:
    """What positions in an ack belong to."""
    return f"{epoch}:{generation}" if generation else str(epoch)


def parse_ack(text: str) -> tuple[str, Ack]:
    """Type and cursor; `SyncResetV1` names no place."""
    type_, _, place = text.partition("|")
    if type_ not in TYPES:
        raise Invalid(f"Invalid ack type: {type_}")
    if type_ == "SyncResetV1":
        return type_, Ack(UUID(int=0), 0, datetime.now(UTC))
    found = PLACE.fullmatch(place.partition("|")[0])
    try:
        if not found:
            raise ValueError(place)
        epoch, generation, positions = found.groups(default="0")
        pos, part, ground = [*map(int, positions.split(".")), 0, 0][:3]
        if part > ground and type_ in BACKFILLS:
            raise ValueError(positions)
        return type_, Ack(UUID(epoch), pos, datetime.now(UTC), part, ground, int(generation))
    except ValueError as error:
        raise Invalid(f"Invalid ack: {type_}") from error
