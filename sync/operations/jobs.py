"""What administrators do with queues."""

from __future__ import annotations

from uuid import UUID

import msgspec

from sql import Transaction, writes
from sync import config, forms, log, queues, topics
from sync.actor import Actor
from sync.topics import EVERYONE

PAGE = 10_000  # In one transaction: the sequencer delivers it in one pass, and others wait for it.
NO_FACTS = msgspec.msgpack.encode({})
REQUESTS = {
    topics.METADATA.name: "asset.metadata_requested",
    topics.THUMBNAIL.name: "asset.thumbnail_requested",
    topics.TRANSCODE.name: "asset.transcode_requested",
    topics.STORAGE_TEMPLATE.name: "asset.move_requested",
    topics.PERSON_THUMBNAIL.name: "person.thumbnail_requested",
    topics.SIDECAR.name: "asset.sidecar_requested",
}


async def set_paused(tx: Transaction, actor: Actor, name: str, *, is_paused: bool) -> None:
    """Let no worker begin anything of a queue, by Immich's name, or let them go on."""
    await writes.jobs.set_paused(tx, name=name, is_paused=is_paused)
    await _stage(tx, "queue.paused" if is_paused else "queue.resumed", actor, name)


async def note_start(tx: Transaction, actor: Actor, name: str) -> None:
    """Somebody has something done by hand: a job, or all of a queue, by Immich's name."""
    await _stage(tx, "job.started", actor, name)


async def drop_waiting(tx: Transaction, actor: Actor, name: str) -> int:
    """Forget some of what nobody has begun; how many."""
    dropped = await writes.jobs.drop_waiting(tx, queues=queues.list_ours(name), limit=PAGE)
    if dropped:
        await _stage(tx, "queue.emptied", actor, name)
    return dropped


async def drop_failed(tx: Transaction, actor: Actor, name: str) -> int:
    """Forget some of what was given up; how many."""
    dropped = await writes.jobs.drop_failed(tx, queues=queues.list_ours(name), limit=PAGE)
    if dropped:
        await _stage(tx, "queue.emptied", actor, name)
    return dropped


async def request(tx: Transaction, queue: str, after: UUID, *, is_forced: bool) -> UUID | None:
    """Have a queue of ours make again what is missing, or everything; some of it, from an id on.

    Return the last id, or None when there was none left.
    """
    topic = REQUESTS[queue]
    assert topic in topics.TOPICS, topic
    if queue == topics.PERSON_THUMBNAIL.name:
        row = await writes.jobs.request_people(
            tx, after=after, is_forced=is_forced, limit=PAGE, topic=topic, facts=NO_FACTS
        )
        return row and row["last"]
    found = await writes.jobs.request_assets(
        tx, queue=queue, after=after, is_forced=is_forced, limit=PAGE, topic=topic, facts=NO_FACTS,
        forms=forms.current((await config.load(tx)).image),
    )  # fmt: skip
    return found and found["last"]


async def _stage(tx: Transaction, topic: str, actor: Actor, name: str) -> None:
    await log.stage(tx, topic, EVERYONE, [EVERYONE], name=name, by=actor.user_id)
