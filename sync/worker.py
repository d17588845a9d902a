"""Run queues: claim, prepare outside any transaction, record in one."""

from __future__ import annotations

import asyncio
import errno
import logging
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from sql import Connection, Database, Disconnected, Transaction, reads, writes
from sql.database import hear
from sync import config, queues, topics

logger = logging.getLogger(__name__)
LEASE = timedelta(minutes=10)
# A film may take hours, and so may its way to another disk.
LEASES = {topics.TRANSCODE.name: timedelta(days=2), topics.STORAGE_TEMPLATE.name: timedelta(days=1)}
QUICK = {topics.FILE_REMOVAL.name, topics.SIDECAR.name, topics.WORKFLOW.name}
NOBODY = UUID(int=0)  # Before everybody.
PAUSES = [timedelta(seconds=5), timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1)]
# There is no room, nothing can be written, a disk went away, or no file more can be opened.
FAULTS_OF_MACHINE = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS),
    *(errno.ESTALE, errno.EMFILE, errno.ENFILE),
)
DISK_FULL = "53100"  # as Postgres says it
PAUSE_OF_MACHINE = timedelta(minutes=10)
APART = timedelta(seconds=5)  # longer than a worker needs to die and to start again
POLL_SECONDS = 5.0  # For jobs whose lease, pause or worker ended; new ones are announced.
RECONNECT_SECONDS = 0.5
CLAIMS_MAX = 100  # at once, whatever may run at once
RELEASE_SECONDS = 1.0  # A process that ends has two.
ERROR_CHARACTERS_MAX = 1000

_decode = msgspec.msgpack.Decoder().decode


class Job(NamedTuple):
    """One entity that one entry put into a queue; or the entry as a whole, under its scope."""

    pos: int
    entity_id: UUID
    attempts: int
    at: datetime
    scope: UUID
    topic: str
    facts: dict[str, Any]


Record = Callable[[Transaction], Awaitable[object]]
Consumer = Callable[[Job], Awaitable[Record]]
Heed = Callable[[config.Config], object]


class Hopeless(Exception):
    """What a consumer raises when trying again cannot help; the message tells a person why."""


class Superseded(Exception):
    """Another worker finished this job first; roll our record back."""


async def run(
    database: Database, consumers: Mapping[str, Consumer], *, heed: Heed = lambda _: None
) -> None:
    """Work on all queues until cancelled; as many jobs of each at once as it is set to.

    `heed` is told of the settings, at first and whenever they may have changed.
    """
    while True:
        before = _count_cancellations()
        try:
            async with database.listen("job") as session:
                worker = await writes.jobs.take_number(session)
                await _work(database, session, worker, consumers, heed, before)
        except* Disconnected as lost:
            logger.warning("The worker lost its session: %s", lost.exceptions[0])
            await asyncio.sleep(RECONNECT_SECONDS)


async def announce(database: Database) -> None:
    """Have every worker look what it may do now: a queue was paused, or its concurrency set."""
    async with database.read() as connection:
        await writes.jobs.announce(connection)


def end_if_cancelled(before: int = 0) -> None:
    """Raise CancelledError if it was lost on its way: below a query, wait_for of Python 3.11 can
    swallow it, and whoever cancelled us would wait for ever.

    `before`: how many there were that are not meant: a group that ends by itself leaves one.
    """
    if _count_cancellations() > before:
        raise asyncio.CancelledError


def _count_cancellations() -> int:
    task = asyncio.current_task()
    return task.cancelling() if task else 0


async def drain(
    database: Database,
    queue: str,
    consumer: Consumer,
    *,
    worker: int = 0,
    concurrency: Callable[[], int] = lambda: 1,
    lease: timedelta = LEASE,
) -> int:
    """Consume what is waiting now, so many at a time; return how many jobs were finished.

    When the concurrency falls to nothing, what has not begun is given back; when this is
    cancelled, also what has.
    """
    finished = 0
    waiting: deque[Job] = deque()
    running: dict[asyncio.Task[bool], Job] = {}
    last = NOBODY
    try:
        while True:
            most = concurrency()
            if waiting and not most:
                await _release(database, queue, worker, waiting)
            if not waiting and (limit := _claimable(queue, most, len(running))) > 0:
                waiting.extend(await _claim(database, queue, worker, lease, limit, last))
                last = waiting[-1].scope if waiting else last
            while waiting and len(running) < concurrency():
                job = waiting.popleft()
                running[asyncio.create_task(_consume(database, queue, job, consumer))] = job
            if not running:
                if waiting:
                    continue
                return finished
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                del running[task]
            finished += sum(task.result() for task in done)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        waiting.extend(job for task, job in running.items() if task.cancelled())
        if waiting:  # Or each restart would count against what takes long.
            with suppress(Disconnected, TimeoutError):
                async with asyncio.timeout(RELEASE_SECONDS):
                    await _release(database, queue, worker, waiting)


async def _work(
    database: Database,
    session: Connection,
    worker: int,
    consumers: Mapping[str, Consumer],
    heed: Heed,
    cancellations: int,
) -> None:
    news = {queue: asyncio.Event() for queue in consumers}
    limits = await _read_limits(database, consumers, heed)
    end_if_cancelled(cancellations)

    async def attend(queue: str, consumer: Consumer) -> None:
        while True:
            news[queue].clear()  # Before the claim: what comes during it calls for another.
            await drain(
                database,
                queue,
                consumer,
                worker=worker,
                concurrency=lambda: limits[queue],
                lease=LEASES.get(queue, LEASE),
            )
            end_if_cancelled()
            await news[queue].wait()

    async def listen() -> None:
        while True:
            async with database.read() as connection:
                await writes.jobs.release_abandoned(
                    connection, attempts_max=len(PAUSES) + 1, apart=APART
                )
            limits.update(await _read_limits(database, consumers, heed))
            end_if_cancelled()
            for event in news.values():
                event.set()
            deadline = time.monotonic() + POLL_SECONDS
            while (seconds := deadline - time.monotonic()) > 0:
                heard = set(await hear(session, seconds))
                if "" in heard:
                    limits.update(await _read_limits(database, consumers, heed))
                    heard.update(consumers)
                for queue in heard & news.keys():
                    news[queue].set()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(listen())
        for queue, consumer in consumers.items():
            tasks.create_task(attend(queue, consumer))


async def _read_limits(
    database: Database, consumers: Mapping[str, Consumer], heed: Heed
) -> dict[str, int]:
    """How many jobs of each queue may run here at once; none of one that is paused."""
    async with database.read() as connection:
        paused = {row["name"] for row in await reads.jobs.list_paused(connection)}
        settings = await config.load(connection)
    heed(settings)
    return {
        queue: 0 if queues.name_of(queue) in paused else queues.concurrency(settings, queue)
        for queue in consumers
    }


def _claimable(queue: str, most: int, running: int) -> int:
    """How many jobs to take: as many as begin now, so that what is waited for goes before what
    waits; of what is done in a moment more, for a claim of several costs as much as one of one."""
    return min(2 * most, CLAIMS_MAX) if queue in QUICK else most - running


async def _claim(
    database: Database, queue: str, worker: int, lease: timedelta, limit: int, last: UUID
) -> list[Job]:
    """Of each user in turn, from the one after the last."""
    async with database.read() as connection:  # One statement, and nothing to sequence.
        rows = await writes.jobs.claim(
            connection,
            queue=queue,
            name=queues.name_of(queue),
            worker=worker,
            lease=lease,
            limit=limit,
            last=last,
        )
    turns: Counter[tuple[bool, UUID]] = Counter()
    jobs = []
    for row in sorted(rows, key=itemgetter("pos", "entity_id")):
        lane = row["is_backlog"], row["scope"]
        turns[lane] += 1
        values = {name: row[name] for name in Job._fields}  # type: ignore[literal-required]
        job = Job(**{**values, "facts": _decode(row["facts"])})
        jobs.append(((row["is_backlog"], turns[lane], row["scope"] <= last, row["scope"]), job))
    return [job for _, job in sorted(jobs, key=itemgetter(0))]


async def _release(database: Database, queue: str, worker: int, waiting: deque[Job]) -> None:
    async with database.read() as connection:
        await writes.jobs.release(
            connection,
            queue=queue,
            worker=worker,
            positions=[job.pos for job in waiting],
            entity_ids=[job.entity_id for job in waiting],
        )
    waiting.clear()


async def _consume(database: Database, queue: str, job: Job, consumer: Consumer) -> bool:
    key: dict[str, Any] = {"queue": queue, "pos": job.pos, "entity_id": job.entity_id}
    try:
        record = await consumer(job)  # Slow: pixels, models. No transaction is open.
        async with database.write() as tx:
            await record(tx)
            if not await writes.jobs.finish(tx, **key):
                raise Superseded
    except Superseded:
        return False
    except Exception as error:  # One bad photo must not stop the queue; nor what Postgres refuses.
        is_counted, pause, reason = True, None, f"{type(error).__name__}: {error}"
        if _is_of_machine(error):
            is_counted, pause = False, PAUSE_OF_MACHINE
            logger.warning("%s waits with %s: %s", queue, job.entity_id, reason)
        elif isinstance(error, Hopeless):
            reason = str(error)
            logger.warning("%s gives up on %s: %s", queue, job.entity_id, reason)
        else:
            logger.exception("%s failed on %s", queue, job.entity_id)
            pause = PAUSES[job.attempts - 1] if job.attempts <= len(PAUSES) else None
        reason = reason[:ERROR_CHARACTERS_MAX]
        async with database.read() as connection:
            await writes.jobs.note_failure(
                connection, **key, error=reason, pause=pause, is_counted=is_counted
            )
        return False
    return True


def _is_of_machine(error: BaseException | None) -> bool:
    """Whether no job is to blame, but that there is no room, or that a disk went away."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FAULTS_OF_MACHINE:
            return True
        if getattr(error, "sqlstate", None) == DISK_FULL:
            return True
        error = error.__cause__
    return False
