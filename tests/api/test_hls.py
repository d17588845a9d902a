"""Films made over while they are watched: sessions, playlists and segments as players ask for them."""

from __future__ import annotations

import asyncio
import io
from uuid import uuid4

import av
import pytest

from tests.media import clocks

NOT_READY = (404, "Asset not found or metadata not yet ready for streaming")
NOT_FOUND = (404, "Not Found")
REFUSED = (400, "Not found or no asset.view access")


@pytest.fixture
async def film(alice, clock_film):
    return (await alice.upload(clock_film(), "a.mp4")).json["id"]


async def test_a_film_is_watched_from_its_address_on(realtime, alice, watch, film):
    player = await watch(alice, film)
    files = [await alice.get(path) for path in await player.list_segments()]

    assert {one.status for one in files} == {200}
    whole = b"".join(one.data for one in files)
    shown = clocks.numbers(io.BytesIO(whole))
    assert [number for _, number in shown] == list(range(70))
