"""A database that was restored names where originals were: none is lost, all are found again."""

from __future__ import annotations

from uuid import UUID

import pytest

from storage import paths
from tests.media.moving import JOBS, Home
from tests.media.test_moves import alice, home

__all__ = ["alice", "home"]

PLACE = "library/alice/2024/2024-05-06/IMG.jpg"


async def forget_move(home: Home, asset_id: UUID, former: str, *, state: str | None = None) -> None:
    """As a backup has it that was made before the move, or amid of it."""
    await home.execute("UPDATE asset SET original_key = %s WHERE id = %s", former, asset_id)
    await home.execute(
        "UPDATE asset_file SET key = %s WHERE asset_id = %s", paths.sidecar(former), asset_id
    )
    if state:
        await home.execute("UPDATE storage_name SET state = %s", state)
    else:
        await home.execute("DELETE FROM storage_name")


@pytest.mark.parametrize("state", ["reserved", "left"])
async def test_the_only_file_of_an_asset_is_never_removed(
    home: Home, alice: UUID, state: str
) -> None:
    asset_id = await home.upload(alice, b"picture", sidecar=b"<x/>")
    former = await home.key(asset_id)
    await home.move()
    await forget_move(home, asset_id, former, state=state)

    await home.clean()

    assert home.stored() == [PLACE, paths.sidecar(PLACE)]
    await home.move()
    assert await home.key(asset_id) == PLACE
    await home.assert_level()


@pytest.mark.parametrize("sidecar", [None, b"<x/>"])
async def test_what_was_moved_is_found(home: Home, alice: UUID, sidecar: bytes | None) -> None:
    first = await home.upload(alice, b"first one")
    asset_id = await home.upload(alice, b"other one", sidecar=sidecar)
    former = [await home.key(first), await home.key(asset_id)]
    await home.move()
    moved = [await home.key(first), await home.key(asset_id)]
    before = home.stored()
    await forget_move(home, first, former[0])
    await forget_move(home, asset_id, former[1])

    await home.move()

    assert [await home.key(first), await home.key(asset_id)] == moved
    assert home.stored() == before
    await home.assert_level()


async def test_what_has_other_bytes_is_not_taken_for_it(home: Home, alice: UUID) -> None:
    asset_id = await home.upload(alice, b"picture")
    former = await home.key(asset_id)
    await home.move()
    paths.resolve(home.root, PLACE).write_bytes(b"another")
    await forget_move(home, asset_id, former)

    await home.move()

    assert await home.key(asset_id) == former
    (job,) = await home.query(JOBS)
    assert "FileNotFoundError" in job["last_error"]
    assert home.stored() == [PLACE]


async def test_a_lost_sidecar_keeps_nothing_where_it_is(home: Home, alice: UUID) -> None:
    asset_id = await home.upload(alice, b"picture", sidecar=b"<x/>")
    former = await home.key(asset_id)
    paths.resolve(home.root, paths.sidecar(former)).unlink()

    await home.move()

    assert await home.key(asset_id) == PLACE
    assert home.stored() == [PLACE]
    assert await home.query(JOBS) == []
