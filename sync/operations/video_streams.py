"""Films that are watched while they are made over: whose session wants what, and who makes it.

None of it is history: it goes into no log, and each write is one statement of its own.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

import msgspec

from sql import Connection, reads, writes
from sync.actor import Actor
from sync.film_variants import Outline

WISHES = "video_stream"  # the channel on which workers hear of them
SEGMENTS = "video_segment"  # and servers, of what was made: the session's id
STREAMS_PER_VIEWER = 8
KEEP = timedelta(hours=1)  # a session of which nothing is asked, so that a pause is no end
PATIENCE = timedelta(seconds=20)  # as long as somebody may wait for what they asked for
REASON_CHARACTERS_MAX = 300

_decode = msgspec.msgpack.Decoder(Outline).decode


class Wish(NamedTuple):
    """What a session asked for last. No variant: the outline of its film."""

    id: UUID
    asset_id: UUID
    variant: int | None
    segment: int | None
    is_ours: bool  # the worker's that asks; else nobody's
    idle_seconds: float


class Film(NamedTuple):
    id: UUID
    is_video: bool
    original_key: str
    checksum: bytes
    outline: Outline | None


class Stream(NamedTuple):
    variant: int | None
    segment: int | None
    error: str | None


async def find_film(connection: Connection, asset_id: UUID) -> Film | None:
    row = await reads.video_streams.get_film(connection, asset_id=asset_id)
    if row is None:
        return None
    outline = _read(row["data"]) if row["data"] else None
    is_video = row["type"] == "VIDEO"
    return Film(row["id"], is_video, row["original_key"], row["checksum"], outline)


async def find(
    connection: Connection, actor: Actor, asset_id: UUID, stream_id: UUID
) -> Stream | None:
    """The actor's own session with that film."""
    row = await reads.video_streams.get_stream(
        connection, stream_id=stream_id, asset_id=asset_id, viewer_id=_viewer(actor)
    )
    return Stream(**row) if row else None


async def begin(connection: Connection, actor: Actor, asset_id: UUID) -> UUID:
    """A new session; of too many, those end that were not looked at for longest."""
    stream_id, viewer_id = uuid4(), _viewer(actor)
    await writes.video_streams.insert_stream(
        connection, stream_id=stream_id, asset_id=asset_id, viewer_id=viewer_id
    )
    await writes.video_streams.delete_surplus(
        connection, viewer_id=viewer_id, count_max=STREAMS_PER_VIEWER
    )
    await writes.video_streams.announce_wish(connection)
    return stream_id


async def want(
    connection: Connection, actor: Actor, asset_id: UUID, stream_id: UUID, place: tuple[int, int]
) -> str | None:
    """Have this segment of this variant made, and those after it; why that cannot be."""
    variant, segment = place
    row = await writes.video_streams.want(
        connection,
        stream_id=stream_id,
        asset_id=asset_id,
        viewer_id=_viewer(actor),
        variant=variant,
        segment=segment,
    )
    await writes.video_streams.announce_wish(connection)
    return row["error"] if row else "The session has ended"


async def end(connection: Connection, actor: Actor, asset_id: UUID, stream_id: UUID) -> None:
    if await writes.video_streams.end_stream(
        connection, stream_id=stream_id, asset_id=asset_id, viewer_id=_viewer(actor)
    ):
        await writes.video_streams.announce_wish(connection)


# For workers.


async def take_number(session: Connection) -> int:
    """By which a worker claims sessions: it is locked for as long as its own session lives."""
    return int(await writes.jobs.take_number(session))


async def list_work(connection: Connection, worker: int) -> list[Wish]:
    rows = await reads.video_streams.list_work(connection, worker=worker, patience=PATIENCE)
    return [Wish(**row) for row in rows]


async def claim(connection: Connection, stream_id: UUID, worker: int) -> bool:
    """Whether it is ours now, for as long as the session lives that locks our number."""
    return await writes.video_streams.claim(connection, stream_id=stream_id, worker=worker) > 0


async def release(connection: Connection, stream_id: UUID, worker: int) -> None:
    await writes.video_streams.release(connection, stream_id=stream_id, worker=worker)


async def announce_made(connection: Connection, stream_id: UUID) -> None:
    await writes.video_streams.announce_made(connection, stream_id=stream_id)


async def note_failure(connection: Connection, stream_id: UUID, worker: int, reason: str) -> None:
    await writes.video_streams.note_failure(
        connection, stream_id=stream_id, worker=worker, error=reason[:REASON_CHARACTERS_MAX]
    )
    await announce_made(connection, stream_id)


async def keep_outline(connection: Connection, film: Film, outline: Outline) -> None:
    await writes.video_streams.keep_outline(
        connection,
        asset_id=film.id,
        checksum=film.checksum,
        data=msgspec.msgpack.encode(outline),
    )


async def list_abandoned(connection: Connection, stream_ids: Collection[UUID]) -> list[UUID]:
    """Those of the sessions that no living worker has; what nobody comes back to is forgotten."""
    await writes.video_streams.delete_unused(connection, keep=KEEP)
    rows = await reads.video_streams.list_kept(connection, stream_ids=list(stream_ids))
    kept = {row["id"] for row in rows}
    return [stream_id for stream_id in stream_ids if stream_id not in kept]


def _viewer(actor: Actor) -> UUID:
    return actor.link.id if actor.link else actor.user_id


def _read(data: bytes) -> Outline | None:
    """None for what an earlier release kept in another form."""
    try:
        return _decode(data)
    except msgspec.ValidationError:
        return None
