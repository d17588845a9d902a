"""A big album shared with ten people: until each has all of it, and what sharing writes."""

from __future__ import annotations

import asyncio
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID, uuid4

import psycopg

from bench.delta import Phone
from bench.figures import Figure, Timer, percentile
from bench.library import OWNER, populate, scratch_database, served, wait_until_sequenced
from server.authentication import hash_token
from sql import Database
from sync.actor import Actor
from sync.operations import albums, sessions, users

ASSETS, PEOPLE, SHARE = 100_000, 10, 1000


def measure() -> list[Figure]:
    with scratch_database() as dsn, tempfile.TemporaryDirectory() as folder:
        with psycopg.connect(dsn) as connection:
            populate(connection, ASSETS)
        with served(dsn, Path(folder)) as (url, _):
            album_id, people = asyncio.run(_prepare(dsn))
            wait_until_sequenced(dsn)
            phones = [Phone(url, token) for token in people.values()]
            for phone in phones:
                phone.pull()
            before = _count_rows(dsn)
            with Timer() as timer:
                asyncio.run(_share(dsn, album_id, list(people)))
                written = _count_rows(dsn) - before
                with ThreadPoolExecutor(PEOPLE) as pool:
                    pulled = list(pool.map(lambda phone: phone.pull(), phones))
    assert all(lines > 3 * ASSETS for _, lines in pulled), pulled
    seconds = [one for one, _ in pulled]
    rows = sum(lines for _, lines in pulled)
    return [
        Figure("share", "rows written to share it", written, "rows"),
        Figure("share", "until the first has it", min(seconds), "s"),
        Figure("share", "until half have it", percentile(seconds, 50), "s"),
        Figure("share", "until all have it", timer.seconds, "s"),
        Figure("share", "sent to all together", rows / timer.seconds, "rows/s"),
    ]


async def _prepare(dsn: str) -> tuple[UUID, dict[UUID, str]]:
    """The album, and people who are logged in, by their tokens."""
    actor = Actor(OWNER)
    async with Database(dsn) as database:
        async with database.write() as tx:
            album_id = await albums.create_album(tx, actor, "Everything")
        async with database.read() as connection:
            cursor = await connection.execute("SELECT id FROM asset")
            ids = [row["id"] for row in await cursor.fetchall()]
        for start in range(0, len(ids), SHARE):
            async with database.write() as tx:
                await albums.add_assets(tx, actor, album_id, ids[start : start + SHARE])
        people = {}
        for number in range(PEOPLE):
            token = str(uuid4())
            async with database.write() as tx:
                email = f"person{number}@example.org"
                user_id = await users.create_user(tx, email=email, name=f"Person {number}")
                await sessions.create_session(tx, user_id, hash_token(token))
            people[user_id] = token
    return album_id, people


async def _share(dsn: str, album_id: UUID, people: list[UUID]) -> None:
    async with Database(dsn) as database, database.write() as tx:
        await albums.share_album(tx, Actor(OWNER), album_id, people, role="viewer")


def _count_rows(dsn: str) -> int:
    wait_until_sequenced(dsn)
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM state) + (SELECT count(*) FROM log)"
            " + (SELECT count(*) FROM album_user)"
        ).fetchone()
    assert row
    return int(row[0])
