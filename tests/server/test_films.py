"""Films that lost their jobs or their new forms come back; those that need none are left alone."""

from __future__ import annotations

import logging
from uuid import UUID, uuid4

import psycopg
import pytest

from server import films
from server.context import Context
from storage import paths
from sync.config import FFmpeg, build
from sync.operations import renditions
from sync.stream import settle

OLD = "UPDATE asset SET created_at = now() - interval '1 hour', thumbhash = '\\x01'"


@pytest.fixture
def context(database, root):
    return Context(database, root, None, build({}))


@pytest.fixture
async def change(dsn):
    """Change rows behind the log's back, as time and accidents do."""

    async def change(statement: str, *values: object) -> None:
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            await connection.execute(statement.encode(), values)

    return change


@pytest.fixture
async def film(alice, change, database):
    answer = await alice.upload(uuid4().bytes, name="a.mp4")
    assert answer.status == 201
    await settle(database)
    await change("DELETE FROM job")
    await change(OLD)
    return UUID(answer.json["id"])


@pytest.fixture
def requested(database, context, change):
    """What the next night requests; the jobs of that are lost again."""

    async def requested() -> list[UUID]:
        await films.request_missing_films(context)
        await settle(database)
        async with database.session() as connection:
            cursor = await connection.execute(
                b"SELECT entity_id FROM job WHERE queue = 'transcode' ORDER BY entity_id"
            )
            rows = await cursor.fetchall()
        await change("DELETE FROM job")
        return [row["entity_id"] for row in rows]

    return requested


@pytest.fixture
def record(database):
    async def record(film, key, policy=None) -> None:
        async with database.write() as tx:
            await renditions.record_encoded_video(
                tx, film, key=key, policy=policy or FFmpeg().policy
            )

    return record


async def test_a_lost_job_is_requested_until_something_comes_of_it(
    alice, context, root, film, requested, record
):
    assert await requested() == [film]
    assert await requested() == [film]

    key = paths.encoded_video(UUID(alice.user["id"]), film, "1")
    path = paths.resolve(root, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"film")
    await record(film, key)

    assert await requested() == []


async def test_a_film_that_plays_as_it_is_is_not_looked_at_again(context, film, requested, record):
    await record(film, None)
    assert await requested() == []

    context.config = build({"ffmpeg.transcode": "all"})
    assert await requested() == [film]
    await record(film, None, policy=context.config.ffmpeg.policy)
    assert await requested() == []
    context.config = build({"ffmpeg.transcode": "all", "ffmpeg.crf": 30})
    assert await requested() == []  # It does not decide whether, only how.


@pytest.mark.parametrize("is_empty", [False, True])
async def test_a_film_whose_file_is_gone_is_made_again(
    alice, context, root, film, requested, record, is_empty
):
    key = paths.encoded_video(UUID(alice.user["id"]), film, "1")
    await record(film, key)
    if is_empty:  # as after a power cut
        path = paths.resolve(root, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    context.config = build({"ffmpeg.transcode": "disabled"})  # It is played by that file still.
    assert await requested() == [film]


async def test_a_volume_that_is_not_there_costs_nothing(
    alice, film, requested, record, monkeypatch, caplog
):
    await record(film, paths.encoded_video(UUID(alice.user["id"]), film, "1"))
    monkeypatch.setattr(films, "FEW", 0)

    with caplog.at_level(logging.ERROR):
        assert await requested() == []
    assert "1 of 1 films made over have no file" in caplog.text


@pytest.mark.parametrize(
    "so",
    [
        "UPDATE asset SET thumbhash = NULL",  # Nothing can be decoded, or not yet.
        "UPDATE asset SET deleted_at = now()",
        "UPDATE asset SET created_at = now()",  # Its job is on its way.
        "UPDATE asset SET type = 'IMAGE'",
    ],
)
async def test_others_are_none_of_its_business(film, requested, change, so):
    await change(so)

    assert await requested() == []


async def test_who_wants_no_films_made_over_gets_none(context, film, requested):
    context.config = build({"ffmpeg.transcode": "disabled"})

    assert await requested() == []


async def test_a_film_that_was_given_up_is_left_to_people(context, film, change, database):
    await films.request_missing_films(context)
    await settle(database)
    await change("UPDATE job SET dead_at = now()")

    await films.request_missing_films(context)

    await settle(database)
    async with database.session() as connection:
        cursor = await connection.execute(b"SELECT count(*) FROM job WHERE queue = 'transcode'")
        row = await cursor.fetchone()
    assert row and row["count"] == 1
