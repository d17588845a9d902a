"""Answer one client: every line it lacks, from one snapshot, as bytes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import aclosing
from uuid import UUID

from sql import Connection, Database, lines, reads
from sql.lines import Page, Wanted
from sync import retention
from sync.checkpoints import Ack, format_history
from sync.plan import Client, Grant, Part, plan

SETTLE_SECONDS_MAX = 2.0  # Then answer with what is sequenced: late is better than not at all.
SETTLE_PAUSE_SECONDS = 0.002
# A stream holds a snapshot, and that holds back vacuum. Who is slower comes again: its acks stand.
STREAM_SECONDS_MAX = 15 * 60


class TooSlow(Exception):
    """The stream took too long and was cut off before its end."""


async def stream(
    database: Database,
    user_id: UUID,
    requests: Collection[str],
    acks: Mapping[str, Ack],
    generation: int = 0,
) -> AsyncGenerator[bytes, None]:
    """Blocks of lines for one user, from after the acks, by their type, to the head.

    What the lines ack is of this generation of the session's copy, see `checkpoints`.

    One snapshot for all. Ends with SyncCompleteV1, or is one SyncResetV1 when the acks are of
    another history, or older than what is kept of what is gone. Raises TooSlow.
    """
    deadline = time.monotonic() + STREAM_SECONDS_MAX
    async with database.snapshot() as connection:
        head = await reads.log.head(connection)
        epoch, pos = head["epoch"], head["pos"]
        is_foreign = any(ack.epoch != epoch for ack in acks.values())
        is_ahead = any(max(ack.pos, ack.ground) > pos for ack in acks.values())
        if is_foreign or is_ahead or retention.is_left_behind(acks, requests, head["floor"]):
            yield RESET
            return
        rows = await reads.checkpoints.list_grants(connection, user_id=user_id)
        grants = [Grant(**row) for row in rows]
        history = format_history(epoch, generation)
        parts = plan(Client(user_id, acks, grants, history, pos), requests)
        async for block in _send(connection, user_id, parts):
            yield block
            if time.monotonic() > deadline:
                raise TooSlow
        asked = retention.bits(requests)
        yield _line("SyncCompleteV1", f"SyncCompleteV1|{history}.{pos}.{asked}.0")


async def settle(database: Database) -> None:
    """Wait until all that was committed when we were asked is sequenced: read your own writes."""
    async with database.read() as connection:
        staged_id = await reads.log.last_staged(connection)
        deadline = time.monotonic() + SETTLE_SECONDS_MAX
        while staged_id and time.monotonic() < deadline:
            if await reads.log.is_sequenced(connection, staged_id=staged_id):
                return
            await asyncio.sleep(SETTLE_PAUSE_SECONDS)


async def _send(
    connection: Connection, user_id: UUID, parts: list[Part]
) -> AsyncGenerator[bytes, None]:
    """All lines of all parts; the last of each takes its cursor to the head.

    The first pages of what is the user's own are read in one go. Of what others share, of which
    there may be much, it is asked in one go only where there is anything.
    """
    own = [one for part in parts if not part.is_shared for one in part.wanted]
    shared = [one for part in parts if part.is_shared for one in part.wanted]
    first = {own[page.number - 1]: page for page in await _pages(connection, user_id, own)}
    found = await _pages(connection, user_id, shared, limit=1)
    present = {shared[page.number - 1] for page in found}
    for part in parts:
        last = b""
        for one in part.wanted:
            if one not in first and one not in present:
                continue
            page = first.pop(one, None)
            async with aclosing(_read(connection, user_id, one, page)) as blocks:
                async for block in blocks:
                    if last:
                        yield last
                    last = block
        if last:
            yield _ack_last(last, part.ack)
        # A client acks only the last of a run of one type, which may end in another part.
        if part.is_apart if last else part.is_news:
            yield _line("SyncAckV1", part.ack)


async def _read(
    connection: Connection, user_id: UUID, one: Wanted, page: Page | None
) -> AsyncGenerator[bytes, None]:
    """A page, or else the first, and all those after it; one is read ahead."""
    if page is None:
        page = await _next(connection, user_id, one)
    while page:
        ahead = None
        if page.is_full:
            following = one._replace(after=page.upto)
            ahead = asyncio.create_task(_next(connection, user_id, following))
        try:
            yield page.lines
            page = await ahead if ahead else None
        finally:
            if ahead:
                ahead.cancel()
                await asyncio.gather(ahead, return_exceptions=True)


async def _next(connection: Connection, user_id: UUID, one: Wanted) -> Page | None:
    pages = await lines.read_pages(connection, user_id, [one])
    return pages[0] if pages else None


async def _pages(
    connection: Connection, user_id: UUID, wanted: list[Wanted], limit: int | None = None
) -> list[Page]:
    return await lines.read_pages(connection, user_id, wanted, limit=limit) if wanted else []


def _ack_last(block: bytes, ack: str) -> bytes:
    """Let the last line ack all."""
    before, mark, _ = block.rpartition(b'"ack":"')
    return b'%b%b%b"}\n' % (before, mark, ack.encode())


def _line(type_: str, ack: str) -> bytes:
    return b'{"type":"%b","data":{},"ack":"%b"}\n' % (type_.encode(), ack.encode())


RESET = _line("SyncResetV1", "SyncResetV1|reset")
