"""What was just uploaded is read and shown by one job, unless there is a reason for two."""

from __future__ import annotations

import pytest

from media.consumers import metadata_consumer
from sync import worker
from sync.actor import Actor
from sync.operations import jobs, renditions
from tests.fix_media import Library


@pytest.fixture
def read(library: Library):
    """Do the jobs of reading, and nothing else."""

    async def read() -> int:
        await library.deliver()
        consumer = metadata_consumer(library.database, library.root)
        done = await worker.drain(library.database, "metadata", consumer)
        await library.deliver()
        return done

    return read


async def waiting(library: Library, asset_id) -> str | None:
    """In which queue."""
    row = await library.row("SELECT queue FROM job WHERE entity_id = %(id)s", asset_id)
    return row and row["queue"]


async def test_one_job_is_enough(library: Library, portrait: bytes, read) -> None:
    asset_id = await library.upload(portrait)

    assert await read() == 1

    asset = await library.asset(asset_id)
    assert (asset["width"], asset["height"], asset["make"]) == (40, 60, "Canon")
    assert asset["thumbhash"]
    assert all(path.exists() for path in library.renditions(asset_id))
    assert await waiting(library, asset_id) is None


async def test_whoever_paused_thumbnails_gets_none(library: Library, portrait: bytes, read) -> None:
    async with library.database.write() as tx:
        await jobs.set_paused(tx, Actor(library.owner_id), "thumbnailGeneration", is_paused=True)
    asset_id = await library.upload(portrait)

    await read()

    asset = await library.asset(asset_id)
    assert (asset["make"], asset["thumbhash"]) == ("Canon", None)
    assert await waiting(library, asset_id) == "thumbnail"


async def test_what_cannot_be_shown_is_read_all_the_same(
    library: Library, portrait: bytes, read
) -> None:
    asset_id = await library.upload(portrait[: len(portrait) * 2 // 3])

    await read()

    assert (await library.asset(asset_id))["make"] == "Canon"
    assert await waiting(library, asset_id) == "thumbnail"


async def test_what_is_read_again_is_not_shown_before_the_new(
    library: Library, portrait: bytes, read
) -> None:
    asset_id = await library.upload(portrait)
    await read()
    async with library.database.write() as tx:
        await renditions.request_metadata(tx, library.owner_id, [asset_id])

    await read()

    assert await waiting(library, asset_id) == "thumbnail"
