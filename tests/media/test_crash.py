"""A decoder that crashes takes its process with it, and nothing else."""

from __future__ import annotations

import asyncio
import os
import select
import sys
from pathlib import Path
from uuid import UUID

import pytest

from sql import Database
from sync import tail
from sync.operations import users
from tests.fix_media import Library
from tests.media import rare
from tests.media.pictures import scene
from tests.media.test_worker import media_process, until

# `python -m media` whose decoder of JPEG dies of one picture.
DEADLY = """
import os, runpy, signal
from media import formats

open_jpeg = formats._open_jpeg

def die_of_it(path):
    if b"deadly" in path.read_bytes():
        os.kill(os.getpid(), signal.SIGSEGV)
    return open_jpeg(path)

formats._FORMATS = [
    (name, die_of_it if opener is open_jpeg else opener, is_one)
    for name, opener, is_one in formats._FORMATS
]
runpy.run_module("media", run_name="__main__")
"""


@pytest.fixture
async def library(database: Database, tmp_path: Path) -> Library:
    async with database.write() as tx:
        owner_id = await users.create_user(tx, email="alice@example.com", name="Alice")
    return Library(database, tmp_path, owner_id)


async def ended(library: Library, asset_id: UUID) -> str | None:
    """Why the queue gave up on its picture."""
    row = await library.row(
        "SELECT last_error FROM job"
        " WHERE entity_id = %(id)s AND queue = 'thumbnail' AND dead_at IS NOT NULL",
        asset_id,
    )
    return row and row["last_error"]


async def shown(library: Library, asset_ids: list[UUID]) -> None:
    """Wait for all of them."""
    waited_for = set(asset_ids)

    def is_last(entry: tail.Entry) -> bool:
        if entry.topic == "asset.thumbnail_made":
            waited_for.difference_update(entry.entity_ids)
        return not waited_for

    await until(library.database, is_last)


@pytest.mark.timeout(300)  # It dies five times, and the machine may be busy.
async def test_a_picture_that_kills_the_process_is_given_up_and_the_others_are_shown(
    library: Library, dsn: str, sequencing: None, tmp_path: Path
) -> None:
    path = tmp_path / "a.jpg"
    scene(60, 40).save(path)
    good = path.read_bytes()
    deadly = await library.upload(good + b"deadly")
    others = [await library.upload(good) for _ in range(3)]
    environment = os.environ | {"DATABASE_URL": dsn, "HELIOGRAPH_DATA": str(library.root)}
    deaths = 0

    while await ended(library, deadly) is None:  # As the supervisor starts it anew.
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", DEADLY), env=environment, stdout=asyncio.subprocess.DEVNULL
        )
        dying = asyncio.create_task(process.wait())
        while not dying.done() and await ended(library, deadly) is None:
            await asyncio.wait((dying,), timeout=0.2)
        if process.returncode is None:
            process.kill()
        else:
            deaths += 1
        await dying

    async with media_process(dsn, library.root):
        await shown(library, others)
    assert await ended(library, deadly) == "The worker died of it"
    assert deaths == 6  # Of the first it had only been read at the same time.
    assert [await ended(library, other) for other in others] == [None] * 3


async def test_a_process_that_decodes_for_the_worker_does_not_outlive_it(
    library: Library, dsn: str, sequencing: None, tmp_path: Path
) -> None:
    asset_id = await library.upload(rare.jxl(scene(60, 40), tmp_path / "a.jxl").read_bytes())

    async with media_process(dsn, library.root) as process:
        await shown(library, [asset_id])
        helpers = [os.pidfd_open(int(child)) for child in children(process.pid)]
        assert helpers
        process.kill()
        await process.wait()

    for helper in helpers:
        ended_helpers, _, _ = await asyncio.to_thread(select.select, [helper], [], [], 20)
        assert ended_helpers == [helper]
        os.close(helper)


def children(pid: int) -> list[str]:
    tasks = Path(f"/proc/{pid}/task")
    return [child for task in tasks.iterdir() for child in (task / "children").read_text().split()]
