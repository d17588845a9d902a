"""Facts into the log, and the log as it is followed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest

from sql.projections import SELECTS
from sync import log, operations, tail, topics
from sync.feeds import FEEDS
from sync.operations import users
from sync.topics import EVERYONE, QUEUES, TOPICS
from tests.sync.library import ask, ask_one, sequence, until


async def stage(database, count, **facts):
    async with database.write() as tx:
        for _ in range(count):
            await log.stage(tx, "api_key.updated", uuid4(), [uuid4()], **facts)


async def test_facts_come_out_as_they_went_in(database, alice):
    facts = {"name": "ä\0\n", "checksum": b"\0\xff", "bytes": 1 << 40, "none": None, "ids": ["x"]}
    entity_id = uuid4()
    async with database.write() as tx:
        await log.stage(
            tx, "asset.updated", alice.user_id, [entity_id], audience=[EVERYONE], **facts
        )
    await sequence(database)
    async with database.read() as connection:
        entry = (await tail.read(connection, after=1))[0]
    assert (entry.pos, entry.topic, entry.scope) == (2, "asset.updated", alice.user_id)
    assert (entry.entity_ids, entry.audience, entry.facts) == ([entity_id], [EVERYONE], facts)


async def test_an_unknown_topic_cannot_be_staged(database):
    with pytest.raises(AssertionError):
        async with database.write() as tx:
            await log.stage(tx, "asset.vanished", EVERYONE, [EVERYONE])


async def test_reading_is_in_order_and_bounded(database):
    await stage(database, 12)
    await sequence(database)
    async with database.read() as connection:
        entries = await tail.read(connection, after=3, limit=5)
    assert [entry.pos for entry in entries] == [4, 5, 6, 7, 8]
    assert await tail.head(database) == 12


async def test_a_follower_gets_what_is_there_and_then_what_comes(database, sequencing):
    await stage(database, 3)
    got: list[int] = []
    follower = tail.follow(database, after=0)
    async with asyncio.timeout(10):
        while len(got) < 3:
            got += [entry.pos for entry in await anext(follower)]
        for _ in range(5):
            await stage(database, 2)
        while len(got) < 13:
            got += [entry.pos for entry in await anext(follower)]
    await follower.aclose()
    assert got == list(range(1, 14))


async def test_a_follower_that_loses_its_line_goes_on_where_it_was(
    database, sequencing, monkeypatch
):
    monkeypatch.setattr(tail, "RECONNECT_SECONDS", 0.01)
    follower = tail.follow(database, after=0)
    await stage(database, 1)
    async with asyncio.timeout(10):
        assert [entry.pos for entry in await anext(follower)] == [1]
        waiting = asyncio.create_task(anext(follower))
        victims = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE %s"
            " AND datname = current_database() AND pid <> pg_backend_pid()"
        )
        await until(lambda: ask(database, victims, "%FROM log\n%"))
        await stage(database, 1)
        assert [entry.pos for entry in await waiting] == [2]
    await follower.aclose()


async def test_a_lost_announcement_is_made_up_by_a_poll(database, monkeypatch):
    monkeypatch.setattr(tail, "POLL_SECONDS", 0.01)
    follower = tail.follow(database, after=0)
    waiting = asyncio.create_task(anext(follower))
    await stage(database, 1)
    async with database.read() as connection:  # sequenced by hand, and announced to nobody
        await connection.execute(
            "WITH moved AS (DELETE FROM log_staging RETURNING *)"
            " INSERT INTO log SELECT 1, at, topic, scope, entity_ids, audience, facts FROM moved"
        )
        await connection.execute("UPDATE log_head SET pos = 1")
    async with asyncio.timeout(10):
        assert [entry.pos for entry in await waiting] == [1]
    await follower.aclose()


async def test_the_log_of_one_row_is_in_the_order_of_its_commits(database, alice, sequencing):
    """Fifty at once: whatever the last entry says is what the row says."""

    async def rename(number):
        async with database.write() as tx:
            await users.set_metadata(tx, alice.user_id, "onboarding", {"n": number})
            await log.stage(tx, "api_key.updated", alice.user_id, [alice.user_id], n=number)

    await asyncio.gather(*(rename(number) for number in range(50)))
    head = 0
    async with asyncio.timeout(10):
        while head < 101:
            head = await tail.head(database)
    async with database.read() as connection:
        entries = await tail.read(connection, after=0)
    told = [entry.facts["n"] for entry in entries if entry.topic == "api_key.updated"]
    kept = await ask_one(database, "SELECT value FROM user_metadata")
    assert sorted(told) == list(range(50))
    assert told[-1] == kept["n"]


def test_every_topic_touches_kinds_that_are_projected_and_fed():
    kinds = {kind for topic in TOPICS.values() for kind in topic.touches}
    assert kinds == set(SELECTS)
    assert kinds == {feed.kind for feed in FEEDS} | GRANTS
    assert all(len(set(topic.touches)) == len(topic.touches) for topic in TOPICS.values())
    assert {queue for topic in TOPICS.values() for queue in topic.queues} == set(QUEUES.values())


# What tells which albums and libraries a user sees; of albums, a delete line tells too.
GRANTS = {"album_grant", "partner_grant"}
# A kind whose rows end with their parent's at the client needs no delete line; the parent is named.
ENDS_WITH_ITS_PARENT = {"asset_exif": "asset", "auth_user": "user", "album": "album_grant"}


def test_every_kind_can_come_and_go():
    changes = {feed.kind for feed in FEEDS if feed.field is None}
    deletes = {feed.kind for feed in FEEDS if feed.field is not None}
    # Of assets in albums, their owners' lines tell.
    assert changes == set(SELECTS) - GRANTS - {"album_view"}
    assert deletes <= set(SELECTS)
    assert changes - deletes == set(ENDS_WITH_ITS_PARENT)
    assert set(ENDS_WITH_ITS_PARENT.values()) <= deletes


def test_every_topic_is_staged_somewhere_and_no_other():
    folder = Path(operations.__file__).parent
    source = "".join(module.read_text() for module in sorted(folder.glob("*.py")))
    assert {topic for topic in TOPICS if f'"{topic}"' not in source} == set()


def test_what_a_pass_touches_is_told_by_the_topics_alone():
    assert topics.touching(["asset.trashed", "user.updated"]) == {
        "asset": ["asset.trashed"],
        "album_view": ["asset.trashed"],
        "user": ["user.updated"],
        "auth_user": ["user.updated"],
    }
    assert topics.routes(["asset.uploaded", "asset.trashed"]) == [
        ("asset.uploaded", topics.METADATA),
        ("asset.uploaded", topics.WORKFLOW),
    ]
