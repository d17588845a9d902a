"""Stage an entry for the log. Only operations may; the sequencer gives it its position."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

import msgspec

from sql import Transaction, writes
from sync.topics import TOPICS

EVERYONE = UUID(int=0)  # The scope of what all users see, and the audience of all sockets.
IDS_MAX = 1000  # So that no position, which a client must take whole, is long.

_encode = msgspec.msgpack.Encoder().encode


async def stage(
    tx: Transaction,
    topic: str,
    scope: UUID,
    entity_ids: Sequence[UUID],
    *,
    audience: Iterable[UUID] = (),
    **facts: object,
) -> None:
    """Record what this transaction did to entities of one scope.

    Change the rows first, then stage: the row locks are what puts two changes of one entity
    into the log in the order of their commits. No writer waits here for any other.
    """
    assert topic in TOPICS, topic
    assert len(entity_ids) <= IDS_MAX, f"{topic} names {len(entity_ids)} ids"
    if entity_ids:
        await writes.log.stage(
            tx,
            topic=topic,
            scope=scope,
            entity_ids=list(entity_ids),
            audience=list(audience),
            facts=_encode(facts),
        )
