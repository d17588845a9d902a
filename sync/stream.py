"""Answer one client: every line it lacks, from one snapshot, as bytes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sql import Connection, Database, lines, reads
from sql.lines import Page, Wanted
from sync.checkpoints import Ack
from sync.feeds import FEEDS, Feed
from sync.topics import EVERYONE

SETTLE_SECONDS_MAX = 2.0  # Then answer with what is sequenced: late is better than not at all.
SETTLE_PAUSE_SECONDS = 0.002
# A stream holds a snapshot, and that holds back vacuum. Who is slower comes again: its acks stand.
STREAM_SECONDS_MAX = 15 * 60
# Tombstones are kept longer than this, so whoever comes in time finds all of them.
AWAY_MAX = timedelta(days=30)


class TooSlow(Exception):
    """The stream took too long and was cut off before its end."""


async def stream(
    database: Database, user_id: UUID, requests: Collection[str], acks: Mapping[str, Ack]
) -> AsyncGenerator[bytes, None]:
    """Blocks of lines for one user, from after the acks, by their type, to the head.

    One snapshot for all. Ends with SyncCompleteV1, or is one SyncResetV1 when the acks are of
    another history or too old. Raises TooSlow.
    """
    deadline = time.monotonic() + STREAM_SECONDS_MAX
    async with database.snapshot() as connection:
        head = await reads.log.head(connection)
        epoch, pos = head["epoch"], head["pos"]
        if any(ack.epoch != epoch or ack.pos > pos for ack in acks.values()) or _is_away(acks):
            yield RESET
            return
        feeds = [feed for feed in FEEDS if feed.request in requests]
        wanted = [_want(feed, user_id, epoch, acks.get(feed.type)) for feed in feeds]
        wanted = [one for one in wanted if one.after < pos]
        async for block in _read(connection, wanted, pos):
            yield block
            if time.monotonic() > deadline:
                raise TooSlow
        yield _line("SyncCompleteV1", f"SyncCompleteV1|{epoch}.{pos}")


async def settle(database: Database) -> None:
    """Wait until all that was committed when we were asked is sequenced: read your own writes."""
    async with database.read() as connection:
        staged_id = await reads.log.last_staged(connection)
        deadline = time.monotonic() + SETTLE_SECONDS_MAX
        while staged_id and time.monotonic() < deadline:
            if await reads.log.is_sequenced(connection, staged_id=staged_id):
                return
            await asyncio.sleep(SETTLE_PAUSE_SECONDS)


def _want(feed: Feed, user_id: UUID, epoch: UUID, ack: Ack | None) -> Wanted:
    return Wanted(
        kind=feed.kind,
        scope=EVERYONE if feed.is_public else user_id,
        is_gone=feed.field is not None,
        type=feed.type,
        field=feed.field or "",
        ack=f"{feed.type}|{epoch}.",
        after=ack.pos if ack else 0,
    )


async def _read(connection: Connection, wanted: list[Wanted], head: int) -> AsyncIterator[bytes]:
    """All lines of all wanted: the first pages of all in one go, the rest one after the other."""
    for page in await lines.read_pages(connection, wanted) if wanted else []:
        async for block in _read_on(connection, wanted[page.number - 1], page, head):
            yield block


async def _read_on(
    connection: Connection, one: Wanted, page: Page, head: int
) -> AsyncIterator[bytes]:
    """A page and all those after it, one read ahead; the last line takes the cursor to the head."""
    while page.is_full:
        ahead = asyncio.create_task(lines.read_pages(connection, [one._replace(after=page.upto)]))
        try:
            yield page.lines
            following = await ahead
        finally:
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)
        if not following:
            yield _line("SyncAckV1", f"{one.ack}{head}")
            return
        (page,) = following
    yield _ack_head(page.lines, one, head)


def _ack_head(block: bytes, one: Wanted, head: int) -> bytes:
    """Let the last line of its type, which completes it, ack the head."""
    before, mark, _ = block.rpartition(b'"ack":"')
    return b'%b%b%b%d"}\n' % (before, mark, one.ack.encode(), head)


def _is_away(acks: Mapping[str, Ack]) -> bool:
    complete = acks.get("SyncCompleteV1")
    return complete is not None and datetime.now(UTC) - complete.acked_at > AWAY_MAX


def _line(type_: str, ack: str) -> bytes:
    return b'{"type":"%b","data":{},"ack":"%b"}\n' % (type_.encode(), ack.encode())


RESET = _line("SyncResetV1", "SyncResetV1|reset")
