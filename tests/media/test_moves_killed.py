"""Who moves originals is killed before and after each step: no byte is lost, and nothing stays."""

from __future__ import annotations

import asyncio
import io
import operator
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from hashlib import sha1
from itertools import count
from pathlib import Path

import msgspec
import pytest
from psycopg.conninfo import conninfo_to_dict

from sql import Database, writes
from storage import janitor, paths
from sync import worker
from sync.actor import Actor
from sync.operations import assets, users
from tests.fix_postgres import clone
from tests.media.moving import Home
from tests.media.moving_victim import Task
from tests.media.pictures import scene
from tests.media.test_worker import media_process
from tests.sync.library import ask, until
from tests.sync.test_failpoints import OTHERS

pytestmark = pytest.mark.timeout(600)  # Hundreds of deaths, and maybe a busy machine.

ROOT = Path(__file__).parents[2]


class Victims:
    """Children that move what there is to move; forked, so that none has to start from nothing."""

    def __init__(self) -> None:
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "tests.media.moving_victim"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def live(self, task: Task) -> bool:
        """Whether it was killed; returns when it is dead."""
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(msgspec.json.encode(task) + b"\n")
        self._parent.stdin.flush()
        ended = int(self._parent.stdout.readline())
        assert ended in (0, -signal.SIGKILL), "It failed by itself"
        return ended != 0

    def end(self) -> None:
        self._parent.kill()
        self._parent.communicate()


@contextmanager
def victims() -> Iterator[Victims]:
    children = Victims()
    try:
        yield children
    finally:
        children.end()


async def furnish(dsn: str, root: Path) -> None:
    """All sorts of things to be moved, and one whose removal waits."""
    async with Database(dsn) as database:
        home = Home(database, root)
        await home.set(enabled=True)
        async with database.write() as tx:
            alice = await users.create_user(
                tx, email="alice@example.org", name="Alice", storage_label="alice"
            )
        moved = await home.upload(alice, b"moved before", "old.jpg", sidecar=b"<old/>")
        gone = await home.upload(alice, b"deleted", "gone.jpg")
        await home.move()
        async with database.write() as tx:
            await assets.update_assets(
                tx, Actor(alice), [moved], taken_at=datetime(2023, 1, 2, tzinfo=UTC)
            )
            await assets.delete_assets(tx, Actor(alice), [gone])
        await home.upload(alice, b"one", sidecar=b"<one/>")
        await home.upload(alice, b"two")
        film = await home.upload(alice, b"film", "x.mov", type="VIDEO", visibility="hidden")
        await home.upload(alice, b"still", "live.heic", live_photo_video_id=film)
        await home.request()


EXPECTED = [
    "library/alice/2023/2023-01-02/old.jpg",
    "library/alice/2023/2023-01-02/old.jpg.xmp",
    "library/alice/2024/2024-05-06/IMG+1.jpg",
    "library/alice/2024/2024-05-06/IMG.jpg",
    "library/alice/2024/2024-05-06/live.heic",
    "library/alice/2024/2024-05-06/live.mov",
]


# What the dead one asked last may still be done: a claim that comes after its lock was let go.
BUSY = """SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend'
      AND state <> 'idle' AND pid <> pg_backend_pid()"""


async def see(dsn: str, root: Path) -> None:
    async with Database(dsn) as database:
        home = Home(database, root)
        await assert_all_there(home)
        async with database.listen("job") as session:
            number = await writes.jobs.take_number(session)
            await until(lambda: ask(database, OTHERS, number), is_met=operator.not_)
            await until(lambda: home.query(BUSY), is_met=operator.not_)
            async with database.write() as tx:
                await writes.jobs.release_abandoned(tx, attempts_max=5, apart=worker.APART)
            await home.work(number=number)
        await home.clean()
        janitor.remove_abandoned(root)
        await home.assert_level()
        assert [key for key in home.stored() if "IMG" not in key] == [
            key for key in EXPECTED if "IMG" not in key
        ]
        pictures = [key for key in home.stored() if "IMG" in key and not key.endswith(".xmp")]
        assert pictures == [key for key in EXPECTED if "IMG" in key]


async def assert_all_there(home: Home) -> None:
    """Whoever asks right now gets the bytes."""
    for row in await home.query("SELECT original_key, checksum FROM asset"):
        data = paths.resolve(home.root, row["original_key"]).read_bytes()
        assert sha1(data).digest() == row["checksum"]
    for row in await home.query("SELECT key FROM asset_file"):
        assert paths.resolve(home.root, row["key"]).read_bytes().startswith(b"<")


@pytest.mark.parametrize("can_link", [True, False], ids=["link", "copy"])
def test_who_moves_is_killed_at_each_step(postgres: str, tmp_path: Path, can_link: bool) -> None:
    with clone(postgres) as dsn, victims() as children, asyncio.Runner() as runner:
        runner.run(furnish(dsn, tmp_path / "template"))
        name = str(conninfo_to_dict(dsn)["dbname"])
        for point in count():
            root = tmp_path / "root"
            shutil.copytree(tmp_path / "template", root)
            with clone(postgres, name) as copy:
                is_killed = children.live(Task(copy, str(root), point, can_link))
                runner.run(see(copy, root))
            shutil.rmtree(root)
            if not is_killed:
                break
    assert point > 80


async def test_the_worker_is_killed_while_pictures_come_in(
    database: Database, dsn: str, tmp_path: Path, sequencing: None
) -> None:
    """Pictures are made of originals that are moved meanwhile."""
    home = Home(database, tmp_path)
    await home.set(enabled=True)
    async with database.write() as tx:
        alice = await users.create_user(tx, email="alice@example.org", name="Alice")
    for number in range(30):
        await home.upload(alice, jpeg(number), sidecar=b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>')

    for made in (5, 15, 30):
        async with media_process(dsn, tmp_path) as process:
            await until(partial(home.query, f"{MADE} OFFSET %s", made - 1))
            process.kill()
    async with media_process(dsn, tmp_path):
        await until(lambda: home.query(OPEN), is_met=operator.not_)

    janitor.remove_abandoned(tmp_path)
    await home.assert_level()
    assert await home.query("SELECT last_error FROM job") == []


MADE = """SELECT 1 FROM asset WHERE original_key LIKE 'library/%%' AND thumbhash IS NOT NULL"""
OPEN = "SELECT 1 FROM job WHERE dead_at IS NULL UNION ALL SELECT 1 FROM log_staging"


def jpeg(number: int) -> bytes:
    file = io.BytesIO()
    scene(40 + number, 60).save(file, "JPEG")
    return file.getvalue()
