"""Put committed changes in order: one at a time per database, in whichever process is first."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import Protocol
from uuid import UUID

from sql import Connection, Database, Disconnected, reads, writes
from sql.database import LOOKUPS, hear
from sql.projections import project
from sync import topics

logger = logging.getLogger(__name__)
# More commits share a pass, and a pass costs the same for one as for ten: when there are many, wait
# for more of them.
LINGER_SECONDS, LINGER_SECONDS_BUSY, BUSY_ENTRIES = 0.001, 0.004, 8
QUIET_SECONDS = 0.02  # After so long without any, the next one is probably alone.
POLL_SECONDS_MIN = 0.005  # A poke may be lost, and the last one before an idle night too.
POLL_SECONDS_MAX = 2.0
STAND_BY_SECONDS = 0.5
LOOK_SECONDS = 2.0  # Between a stand-by's looks at who leads.
STILL_SECONDS = 10.0  # Who has work and does nothing for so long never will: healthy ones poll.
RETRY_SECONDS = 2.0
HEAR_SECONDS = 60.0  # Then once more; a lost connection is noticed at once.


class Witness(Protocol):
    """Remembers, outside of the database, how far its history was seen to go."""

    async def seen(self) -> tuple[UUID, int] | None:
        """The epoch and the position."""

    def note(self, epoch: UUID, pos: int) -> None: ...


async def run(database: Database, witness: Witness | None = None) -> None:
    """Be the sequencer whenever nobody else is."""
    while True:
        try:
            async with database.session(options=LOOKUPS) as connection:
                await _stand_by(database, connection)
                await _lead(database, connection, witness)
        except* Disconnected as lost:
            logger.warning("The sequencer lost its session: %s", lost.exceptions[0])
            await asyncio.sleep(STAND_BY_SECONDS)
        except* Exception:  # A server that goes on without it would fall silent, and nobody know.
            logger.exception("The sequencer could not do a pass")
            await asyncio.sleep(RETRY_SECONDS)


async def pass_on(database: Database) -> None:
    """Tell the sequencer, in whichever process it is, of this process's commits."""
    while True:
        try:
            async with database.session() as connection:
                while True:
                    await _pass_on_one(database, connection, POLL_SECONDS_MAX)
        except Disconnected as error:
            logger.warning("The line to the sequencer was cut: %s", error)
            await asyncio.sleep(STAND_BY_SECONDS)


async def sequence(connection: Connection) -> int | None:
    """One pass: number, project and deliver all that is staged; return the new head, if any.

    One transaction and one snapshot. So the state is exactly what the numbered entries add up
    to, and a reader sees a pass whole or not at all.
    """
    async with connection.transaction():
        batch = await writes.sequencer.number(connection)
        if batch is None:
            return None
        async with connection.pipeline():
            for kind, touching in topics.touching(batch["topics"]).items():
                await project(connection, kind, after=batch["after"], topics=touching)
            if routes := topics.routes(batch["topics"]):
                await writes.sequencer.deliver(
                    connection,
                    topics=[topic for topic, _ in routes],
                    queues=[queue.name for _, queue in routes],
                    wholes=[queue.is_whole for _, queue in routes],
                    after=batch["after"],
                )
            await writes.sequencer.announce(connection, head=batch["head"])
    return batch["head"]


async def _stand_by(database: Database, connection: Connection) -> None:
    """Pass this process's commits on to the sequencer until its place is free."""
    watch = _Watch(connection)
    while not await writes.sequencer.try_lead(connection):
        await watch.look()
        await _pass_on_one(database, connection, STAND_BY_SECONDS)


async def _pass_on_one(database: Database, connection: Connection, seconds: float) -> None:
    if await _poked(database.committed, seconds):
        database.committed.clear()  # Before the poke, which stands for all commits until then.
        await writes.sequencer.poke(connection)


class _Watch:
    """A stand-by's eye on who leads, which may be stopped, or hang, and keep its lock.

    Cut off, it does no harm when it wakes: what it had not committed is undone, and the lock gone.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._still: writes.sequencer.find_still_leader_row | None = None
        self._still_since = 0.0
        self._looked_at = -LOOK_SECONDS

    async def look(self) -> None:
        """Now and then; cut the leader off when it was seen to do nothing for too long."""
        now = time.monotonic()
        if now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        found = await writes.sequencer.find_still_leader(self._connection)
        if found is None or found != self._still:
            self._still, self._still_since = found, now
        elif now - self._still_since >= STILL_SECONDS:
            logger.warning("The sequencer does nothing, though there is work: it loses its place")
            await writes.sequencer.cut_leader(self._connection, **found)


async def _lead(database: Database, connection: Connection, witness: Witness | None) -> None:
    if witness and (seen := await witness.seen()):
        epoch, pos = seen
        await writes.sequencer.doubt_epoch(connection, seen_epoch=epoch, seen_pos=pos)
    is_new = await writes.sequencer.renew_epoch(connection)
    head = await reads.log.head(connection)
    if is_new and head["pos"]:
        logger.warning("An older database was put back: devices that know more start anew")
    if witness:
        witness.note(head["epoch"], head["pos"])
    async with database.listen("staged") as pokes, asyncio.TaskGroup() as tasks:
        tasks.create_task(_hear(database, pokes))
        tasks.create_task(_sequence_forever(database, connection, head["epoch"], witness))


async def _sequence_forever(
    database: Database, connection: Connection, epoch: UUID, witness: Witness | None
) -> None:
    pause, before, last = POLL_SECONDS_MIN, 0, 0.0
    while True:
        database.committed.clear()  # Before the pass: a poke during it calls for another.
        head = await sequence(connection)
        is_busy = head is not None and head - before > BUSY_ENTRIES
        before = head or before
        last = time.monotonic() if head else last
        if witness and head:
            witness.note(epoch, head)
        pause = min(pause * 2, POLL_SECONDS_MAX) if head is None else POLL_SECONDS_MIN
        await _poked(database.committed, pause)
        if time.monotonic() - last < QUIET_SECONDS:
            await asyncio.sleep(LINGER_SECONDS_BUSY if is_busy else LINGER_SECONDS)


async def _hear(database: Database, pokes: Connection) -> None:
    while True:
        if await hear(pokes, HEAR_SECONDS):
            database.committed.set()


async def _poked(committed: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await committed.wait()
    return committed.is_set()
