"""The places of the world, as they are delivered."""

from __future__ import annotations

import asyncio

from sql import places, reads


async def test_places_are_loaded_once(database):
    loaded = await asyncio.gather(*(places.load(database) for _ in range(3)))

    assert sorted(loaded) == [False, False, True]
    async with database.read() as connection:
        here = await reads.places.find_place(connection, latitude=48.2082, longitude=16.3738)
        found = await reads.places.search_places(connection, name="Reykjavik")
    assert here == {"city": "Vienna", "state": "Vienna", "country": "Austria"}
    assert [place["name"] for place in found][:1] == ["Reykjavík"]
