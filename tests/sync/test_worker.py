"""Queues: one result per asset and queue, whatever dies, and reasons that a person can read."""

from __future__ import annotations

import asyncio
import operator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from sql import Database, writes
from sync import queues, topics, worker
from sync.config import Config
from sync.operations import jobs, renditions, system
from sync.worker import PAUSES, Hopeless, drain
from tests.fix_postgres import clone
from tests.sync.library import FOUND, ask, ask_one, new_asset, sequence, until

ATTEMPTS_MAX = len(PAUSES) + 1


@pytest.fixture
async def assets(database, alice):
    """Three uploads, whose jobs wait."""
    ids = [await new_asset(database, alice) for _ in range(3)]
    await sequence(database)
    return ids


async def find(job):
    """What a consumer does: look, then say how to record it."""
    return lambda tx: renditions.record_metadata(tx, job.entity_id, FOUND)


async def results(database):
    """How often each asset's result was recorded, in the order of recording."""
    await sequence(database)
    rows = await ask(
        database,
        "SELECT entity_ids[1] AS id FROM log WHERE topic = 'asset.metadata_extracted' ORDER BY pos",
    )
    return [row["id"] for row in rows]


async def job_of(database, entity_id, queue="metadata"):
    rows = await ask(
        database, "SELECT * FROM job WHERE queue = %s AND entity_id = %s", queue, entity_id
    )
    return rows[0] if rows else None


async def make_due(database):
    await ask(database, "UPDATE job SET claimed_until = now() - interval '1 s' RETURNING 1 AS one")


async def test_a_result_its_completion_and_what_follows_are_one_commit(database, alice, assets):
    seen = []

    async def consumer(job):
        seen.append(job)
        return await find(job)

    assert await drain(database, "metadata", consumer) == 3
    assert [job.entity_id for job in seen] == assets  # the oldest first
    assert {(job.topic, job.scope, job.attempts) for job in seen} == {
        ("asset.uploaded", alice.user_id, 1)
    }
    assert seen[0].facts["bytes"] == 1000
    assert await job_of(database, assets[0]) is None
    assert await results(database) == assets
    assert (await job_of(database, assets[0], "thumbnail"))["attempts"] == 0
    assert await drain(database, "metadata", consumer) == 0


async def test_when_the_record_fails_nothing_of_it_stays(database, assets):
    async def consumer(job):
        async def record(tx):
            await renditions.record_metadata(tx, job.entity_id, FOUND)
            raise ZeroDivisionError("too late")

        return record

    assert await drain(database, "metadata", consumer) == 0
    assert await results(database) == []
    job = await job_of(database, assets[0])
    assert job["last_error"] == "ZeroDivisionError: too late"
    assert (job["claimed_by"], job["dead_at"]) == (None, None)
    assert job["claimed_until"] is not None
    assert await drain(database, "metadata", find) == 0  # not before the pause has passed
    await make_due(database)
    assert await drain(database, "metadata", find) == 3
    assert await results(database) == assets


async def test_one_poisoned_asset_ends_as_a_dead_letter_and_stops_nobody(database, assets):
    async def consumer(job):
        if job.entity_id == assets[0]:
            raise ValueError("not a picture")
        return await find(job)

    attempts = 0
    while (job := await job_of(database, assets[0]))["dead_at"] is None:
        await make_due(database)
        await drain(database, "metadata", consumer)
        attempts += 1
    assert attempts == job["attempts"] == ATTEMPTS_MAX
    assert job["last_error"] == "ValueError: not a picture"
    assert await results(database) == assets[1:]
    await make_due(database)
    assert await drain(database, "metadata", find) == 0
    assert await ask_one(database, "SELECT count(*) FROM asset") == 3  # it stays downloadable


async def test_what_no_retry_can_mend_is_given_up_at_once(database, assets):
    async def consumer(job):
        raise Hopeless("The file is empty")

    assert await drain(database, "metadata", consumer) == 0
    job = await job_of(database, assets[0])
    assert (job["attempts"], job["last_error"]) == (1, "The file is empty")
    assert job["dead_at"] is not None


async def test_a_failure_of_the_database_is_tried_again_like_any_other(database, assets):
    """Only a session that is gone may leave a job claimed; a refusal by Postgres must not."""

    async def consumer(job):
        async def record(tx):
            await tx.execute("DO $$ BEGIN RAISE 'too big' USING ERRCODE = '54000'; END $$")

        return record

    assert await drain(database, "metadata", consumer) == 0
    job = await job_of(database, assets[0])
    assert (job["claimed_by"], job["dead_at"]) == (None, None)
    assert "too big" in job["last_error"]


async def test_an_expired_lease_gives_one_result(database, alice):
    asset_id = await new_asset(database, alice)
    await sequence(database)
    both, is_held = asyncio.Barrier(2), asyncio.Event()

    async def consumer(job):
        is_held.set()
        await both.wait()  # both workers hold the same job
        return await find(job)

    async def work():
        return await drain(database, "metadata", consumer, lease=timedelta(0))

    first = asyncio.create_task(work())
    await is_held.wait()
    assert sorted([await work(), await first]) == [0, 1]
    assert await results(database) == [asset_id]


async def test_a_worker_that_comes_too_late_does_not_undo_what_another_did(database, alice):
    """Its failure is no news: the job is done."""
    asset_id = await new_asset(database, alice)
    await sequence(database)
    is_held, is_done = asyncio.Event(), asyncio.Event()

    async def slow(job):
        is_held.set()
        await is_done.wait()
        raise ValueError("late")

    first = asyncio.create_task(drain(database, "metadata", slow, lease=timedelta(0)))
    await is_held.wait()
    assert await drain(database, "metadata", find) == 1
    is_done.set()
    assert await first == 0
    assert await job_of(database, asset_id) is None
    assert await results(database) == [asset_id]


async def test_many_workers_share_a_queue_without_doubling(database, alice):
    ids = [await new_asset(database, alice) for _ in range(40)]
    await sequence(database)
    workers = (drain(database, "metadata", find, concurrency=lambda: 3) for _ in range(4))
    assert sum(await asyncio.gather(*workers)) == 40
    assert sorted(await results(database)) == sorted(ids)


async def test_who_stops_gives_back_at_once_what_was_begun_and_what_was_not(database, assets):
    is_held = asyncio.Event()

    async def endless(job):
        is_held.set()
        await asyncio.Event().wait()

    for _ in range(ATTEMPTS_MAX + 1):  # That people restart a server is no fault of a film.
        is_held.clear()
        work = asyncio.create_task(drain(database, "metadata", endless, concurrency=lambda: 2))
        await is_held.wait()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        for asset_id in assets:
            job = await job_of(database, asset_id)
            assert (job["claimed_by"], job["claimed_until"], job["attempts"]) == (None, None, 0)
    assert await drain(database, "metadata", find) == 3


async def test_what_takes_hours_is_not_taken_before_it_can_begin(database, alice, assets):
    async with database.write() as tx:
        await renditions.request_transcodes(tx, alice.user_id, assets)
    await sequence(database)
    is_held, may_end = asyncio.Event(), asyncio.Event()

    async def slow(job):
        is_held.set()
        await may_end.wait()
        return await find(job)

    first = asyncio.create_task(drain(database, "transcode", slow))
    await is_held.wait()
    assert await drain(database, "transcode", find) == 2
    may_end.set()
    assert await first == 1


@asynccontextmanager
async def session_of(database):
    """A worker's number, and the session whose end is its end."""
    async with database.session() as session:
        number = await writes.jobs.take_number(session)
        yield number
    held = "SELECT count(*) FROM pg_locks WHERE objid = %s::int::oid AND objsubid = 2"
    await until(lambda: ask_one(database, held, number), is_met=operator.not_)  # in a moment


async def release(database):
    async with database.read() as connection:
        return await writes.jobs.release_abandoned(
            connection, attempts_max=ATTEMPTS_MAX, apart=worker.APART
        )


async def claim(database, number, limit=1):
    async with database.read() as connection:
        return await writes.jobs.claim(
            connection,
            queue="metadata",
            name="metadataExtraction",
            worker=number,
            lease=worker.LEASE,
            limit=limit,
            last=worker.NOBODY,
        )


async def test_what_a_dead_worker_held_is_free_at_once_and_what_a_live_one_holds_is_not(
    database, assets
):
    async with session_of(database) as alive:
        async with session_of(database) as dying:
            assert alive != dying
            assert len(await claim(database, alive)) == 1
            assert len(await claim(database, dying)) == 1
            assert await release(database) == 0
        assert await release(database) == 1
        assert (await job_of(database, assets[0]))["claimed_by"] == alive
        assert (await job_of(database, assets[1]))["claimed_by"] is None
        assert await drain(database, "metadata", find) == 2
    assert await release(database) == 1


async def test_a_worker_of_another_database_in_the_cluster_keeps_nothing(
    database, assets, postgres
):
    with clone(postgres) as dsn:
        async with Database(dsn) as elsewhere, session_of(elsewhere) as number:
            assert len(await claim(database, number)) == 1  # by a namesake who is dead
            assert await release(database) == 1


async def test_what_kills_every_worker_is_given_up(database, assets):
    for attempt in range(ATTEMPTS_MAX):
        async with session_of(database) as number:
            (job,) = await claim(database, number)
            assert job["entity_id"] == assets[0]
            assert job["attempts"] == attempt + 1
        assert await release(database) == 1
    job = await job_of(database, assets[0])
    assert job["dead_at"] is not None
    assert job["last_error"] == "The worker died of it"


async def test_a_job_that_kills_does_not_take_its_neighbours_with_it(database, assets):
    """Claimed together with it, they would have as many deaths on them."""
    for _ in range(ATTEMPTS_MAX):
        async with session_of(database) as number:
            assert assets[0] in {job["entity_id"] for job in await claim(database, number, limit=3)}
        await release(database)
    assert (await job_of(database, assets[0]))["dead_at"] is not None
    for neighbour in assets[1:]:
        job = await job_of(database, neighbour)
        assert (job["attempts"], job["dead_at"], job["claimed_by"]) == (2, None, None)


@asynccontextmanager
async def running(database, consumer):
    task = asyncio.create_task(worker.run(database, {"metadata": consumer}))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def pause(database, actor, name, is_paused):
    async with database.write() as tx:
        await jobs.set_paused(tx, actor, name, is_paused=is_paused)
    await worker.announce(database)


async def test_nobody_begins_anything_of_a_paused_queue(database, alice, assets):
    await pause(database, alice, "metadataExtraction", True)
    assert await drain(database, "metadata", find) == 0

    await pause(database, alice, "metadataExtraction", False)
    assert await drain(database, "metadata", find) == 3


@pytest.fixture
def limits(monkeypatch):
    """What a worker learns it may do, each time it looks."""
    read, seen = worker._read_limits, asyncio.Queue()

    async def read_limits(*args):
        found = await read(*args)
        seen.put_nowait(found["metadata"])
        return found

    monkeypatch.setattr(worker, "_read_limits", read_limits)
    return seen


async def test_a_pause_reaches_a_worker_that_runs_and_so_does_its_end(
    database, alice, assets, limits
):
    """What it had claimed and not begun is given back, as if it had never been claimed."""
    begun: asyncio.Queue = asyncio.Queue()
    go_on, claims = asyncio.Event(), 1

    async def consumer(job):
        begun.put_nowait(job.entity_id)
        await go_on.wait()
        return await find(job)

    async with database.write() as tx:
        await system.change_config(tx, {"job.metadataExtraction.concurrency": 1})
    async with running(database, consumer), asyncio.timeout(20):
        first = await begun.get()
        await pause(database, alice, "metadataExtraction", True)
        while await limits.get():
            pass
        go_on.set()
        while claims:
            await asyncio.sleep(0)
            claims = await ask_one(
                database, "SELECT count(*) FROM job WHERE claimed_by IS NOT NULL"
            )
        assert begun.empty()
        waiting = await ask(database, "SELECT attempts FROM job WHERE queue = 'metadata'")
        assert [row["attempts"] for row in waiting] == [0, 0]

        await pause(database, alice, "metadataExtraction", False)
        assert {await begun.get(), await begun.get()} == set(assets) - {first}


async def test_the_concurrency_that_is_set_is_that_of_a_worker_that_runs(
    database, alice, monkeypatch
):
    ids = [await new_asset(database, alice) for _ in range(12)]
    await sequence(database)
    running_now, most, done = 0, 0, asyncio.Event()
    finished = []

    async def consumer(job):
        nonlocal running_now, most
        running_now += 1
        most = max(most, running_now)
        await asyncio.sleep(0.01)
        running_now -= 1

        async def record(tx):
            finished.append(job.entity_id)
            if len(finished) == len(ids):
                done.set()

        return record

    async with database.write() as tx:
        await system.change_config(tx, {"job.metadataExtraction.concurrency": 2})
    async with running(database, consumer), asyncio.timeout(20):
        await done.wait()
    assert most == 2


async def test_each_queue_has_a_name_and_a_concurrency():
    for queue in topics.ALL:
        assert queues.name_of(queue.name) in queues.IMMICH
        assert queues.concurrency(Config(), queue.name) >= 1


async def test_a_running_worker_takes_over_from_one_that_dies(database, assets, monkeypatch):
    monkeypatch.setattr(worker, "POLL_SECONDS", 0.05)
    done: asyncio.Queue = asyncio.Queue()

    async def consumer(job):
        done.put_nowait(job.entity_id)
        return await find(job)

    async with session_of(database) as dying:
        assert len(await claim(database, dying, limit=3)) == 3
        async with running(database, consumer):
            await numbered(database, 2)
            assert done.empty()
            await ask(database, "SELECT pg_terminate_backend(pid) FROM pg_locks"
                      " WHERE objid = %s::int::oid AND objsubid = 2", dying)  # fmt: skip
            async with asyncio.timeout(20):
                assert {await done.get() for _ in assets} == set(assets)


async def numbered(database, count):
    """Return when so many workers have taken their numbers."""
    query = """SELECT count(*) FROM pg_locks JOIN pg_database AS here ON here.oid = database
                WHERE locktype = 'advisory' AND objsubid = 2 AND datname = current_database()"""
    await until(lambda: ask_one(database, query), is_met=lambda held: held == count)


async def test_a_running_worker_hears_of_new_jobs_and_survives_its_session(
    database, alice, sequencing
):

    async def recorded():
        return await ask_one(
            database, "SELECT count(*) FROM log WHERE topic = 'asset.metadata_extracted'"
        )

    async with running(database, find):
        await new_asset(database, alice)
        assert await until(recorded) == 1
        await ask(
            database,
            "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database d ON d.oid = database"
            " WHERE locktype = 'advisory' AND objsubid = 2 AND datname = current_database()",
        )
        await new_asset(database, alice)
        assert await until(recorded, is_met=lambda count: count != 1) == 2
