"""Whose job is next: each user's in turn, and last what nobody waits for."""

from __future__ import annotations

import asyncio

import pytest

from sync.operations import renditions
from sync.worker import drain
from tests.sync.library import FOUND, ask, new_asset, new_user, sequence


async def find(job):
    return lambda tx: renditions.record_metadata(tx, job.entity_id, FOUND)


@pytest.fixture
def order(database):
    """The owners of what a queue does, one at a time, in its order."""

    async def order(queue="metadata"):
        done = []

        async def consumer(job):
            done.append((job.scope, job.entity_id))
            return await find(job)

        await drain(database, queue, consumer)
        return done

    return order


async def test_nobody_waits_for_the_thousands_of_another(database, alice, order):
    for _ in range(30):
        await new_asset(database, alice)
    await sequence(database)
    bob = await new_user(database, "Bob")
    await new_asset(database, bob)
    await sequence(database)

    owners = [owner for owner, _ in await order()]

    assert owners.index(bob.user_id) <= 1
    assert len(owners) == 31


async def test_the_oldest_of_one_user_is_first(database, alice, order):
    ids = [await new_asset(database, alice) for _ in range(5)]
    await sequence(database)

    assert [id_ for _, id_ in await order()] == ids


async def test_what_is_asked_of_many_at_once_comes_last(database, alice, order):
    old = [await new_asset(database, alice) for _ in range(21)]
    await sequence(database)
    await order()
    async with database.write() as tx:
        await renditions.request_metadata(tx, alice.user_id, old)
    await sequence(database)
    new = await new_asset(database, alice)
    await sequence(database)

    ids = [id_ for _, id_ in await order()]

    assert ids[0] == new
    assert sorted(ids[1:]) == sorted(old)


async def test_who_shows_a_picture_waits_for_those_that_show_none(database, alice, order):
    shown, bare = [await new_asset(database, alice) for _ in range(2)]
    await ask(database, "UPDATE asset SET thumbhash = '1' WHERE id = %s RETURNING id", shown)
    async with database.write() as tx:
        await renditions.request_thumbnails(tx, alice.user_id, [shown])
    await sequence(database)
    async with database.write() as tx:
        await renditions.request_thumbnails(tx, alice.user_id, [bare])
    await sequence(database)

    assert [id_ for _, id_ in await order("thumbnail")] == [bare, shown]


async def test_workers_who_claim_at_once_share_what_there_is(database, alice):
    for _ in range(40):
        await new_asset(database, alice)
    await sequence(database)
    done = []

    async def consumer(job):
        done.append(job.entity_id)
        return await find(job)

    async def work(number):
        return await drain(database, "metadata", consumer, worker=number, concurrency=lambda: 2)

    finished = await asyncio.gather(*(work(number) for number in range(1, 5)))

    assert sum(finished) == len(done) == len(set(done)) == 40
