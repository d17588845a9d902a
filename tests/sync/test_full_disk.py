"""A disk that is full, or away, for long: nothing is given up, and no picture is blamed."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from media.errors import UnreadableImage
from storage import files
from sync.worker import PAUSES, drain
from tests.sync.library import new_asset, sequence
from tests.sync.test_worker import find, job_of, make_due, results


def fill(path: Path) -> None:
    """As any writer finds it."""
    with files._clear_when_full():
        raise OSError(errno.ENOSPC, "No space left on device", path)


def lose(path: Path) -> None:
    """As a decoder tells of it."""
    try:
        raise OSError(errno.ESTALE, "Stale file handle", path)
    except OSError as error:
        raise UnreadableImage("The file cannot be opened") from error


@pytest.mark.parametrize("fail", [fill, lose])
@pytest.mark.parametrize("in_record", [False, True])
async def test_jobs_wait_until_there_is_room(database, alice, tmp_path, fail, in_record):
    asset_id = await new_asset(database, alice)
    await sequence(database)

    async def consume(job):
        async def record(tx):
            fail(tmp_path)

        if not in_record:
            fail(tmp_path)
        return record

    for _ in range(2 * len(PAUSES)):
        assert await drain(database, "metadata", consume) == 0
        assert await drain(database, "metadata", find) == 0, "It does not wait"
        await make_due(database)

    job = await job_of(database, asset_id)
    assert (job["attempts"], job["dead_at"], job["claimed_by"]) == (0, None, None)
    assert job["last_error"]
    assert await drain(database, "metadata", find) == 1
    assert await results(database) == [asset_id]


async def test_a_full_disk_of_the_database_is_none_of_a_pictures(database, alice):
    asset_id = await new_asset(database, alice)
    await sequence(database)

    async def consume(job):
        async def record(tx):
            await tx.execute("DO $$ BEGIN RAISE 'no room' USING ERRCODE = '53100'; END $$")

        return record

    assert await drain(database, "metadata", consume) == 0
    assert (await job_of(database, asset_id))["attempts"] == 0
