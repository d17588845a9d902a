"""Stage an entry for the log. Only operations may; the sequencer gives it its position."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from sql import Transaction, writes
from sync.topics import TOPICS

IDS_MAX = 1000  # So that no position, which a client must take whole, is long.

_encode = msgspec.msgpack.Encoder().encode


async def stage(
    tx: Transaction,
    topic: str,
    scope: UUID,
    entity_ids: Sequence[UUID],
    *,
    audience: Sequence[UUID] = (),
    **facts: object,
) -> None:
    """Record what this transaction did to entities of one scope; without any, nothing.

    Change the rows first, then stage: the row locks are what puts two changes of one entity
    into the log in the order of their commits. No writer waits here for any other.
    """
    assert topic in TOPICS, topic
    for start in range(0, len(entity_ids), IDS_MAX):
        await writes.log.stage(
            tx,
            topic=topic,
            scope=scope,
            entity_ids=list(entity_ids[start : start + IDS_MAX]),
            audience=list(audience),
            facts=_encode(facts),
        )
