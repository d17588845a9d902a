"""/map and /search/places: where photos were taken, and where that is."""

from __future__ import annotations

import pytest

PLACES = """
INSERT INTO place (country, state, county, name, latitude, longitude, population) VALUES
    ('Norway', 'Oslo', '', 'Oslo', 59.9127, 10.7461, 1082575),
    ('Norway', 'Oslo', '', 'Sjølyststranda', 59.9197, 10.6797, 0),
    ('Germany', 'State of Berlin', '', 'Berlin', 52.5244, 13.4105, 3426354),
    ('United States', 'New Hampshire', 'Coos County', 'Berlin', 44.4687, -71.1851, 9367),
    ('Fiji', '', '', 'Somosomo', -16.7667, -179.9667, 100)
"""


@pytest.fixture(autouse=True)
async def places(database):
    """Some of the world's."""
    async with database.write() as tx:
        await tx.execute(PLACES.encode())


async def place(client, asset, latitude, longitude):
    answer = await client.put(
        f"/api/assets/{asset}", {"latitude": latitude, "longitude": longitude}
    )
    assert answer.status == 200, answer.data
    return answer.json["exifInfo"]


async def markers(client, **query):
    answer = await client.get("/api/map/markers", **query)
    assert answer.status == 200, answer.data
    return {one["id"]: one for one in answer.json}


@pytest.mark.parametrize(
    ("latitude", "longitude", "expected"),
    [
        (59.91, 10.75, ("Oslo", "Oslo", "Norway")),
        (59.92, 10.68, ("Sjølyststranda", "Oslo", "Norway")),
        (60.5, 10.75, (None, None, "Norway")),  # 65 km away
        (0, -30, (None, None, None)),
        (-16.77, 179.95, ("Somosomo", None, "Fiji")),  # beyond the date line
        (89.99, 0, (None, None, None)),
    ],
)
async def test_a_spot_is_named(alice, add, latitude, longitude, expected, following):
    answer = await alice.get("/api/map/reverse-geocode", lat=latitude, lon=longitude)
    assert answer.status == 200, answer.data
    named = answer.json[0] if answer.json else dict.fromkeys(("city", "state", "country"))
    assert (named["city"], named["state"], named["country"]) == expected

    asset = await add()
    shown = await place(alice, asset, latitude, longitude)
    assert (shown["city"], shown["state"], shown["country"]) == expected
    assert (await following())["exif"][(asset,)]["city"] == expected[0]


async def test_places_are_found_by_name(alice):
    answer = await alice.get("/api/search/places", name="berl")

    assert [(one["name"], one["admin1name"], one["admin2name"]) for one in answer.json] == [
        ("Berlin", "State of Berlin", ""),
        ("Berlin", "New Hampshire", "Coos County"),
    ]
    accents = await alice.get("/api/search/places", name="SJOLYST")
    assert [one["name"] for one in accents.json] == ["Sjølyststranda"]
    for name in ("%", "nowhere at all"):
        assert (await alice.get("/api/search/places", name=name)).json == []


async def test_the_map_shows_ones_own(alice, bob, add):
    here, nowhere, trashed, archived, locked = [await add() for _ in range(5)]
    for asset in (here, trashed, archived, locked):
        await place(alice, asset, 59.91, 10.75)
    await place(bob, await add(client=bob), 59.91, 10.75)
    await alice.delete("/api/assets", {"ids": [trashed]})
    await alice.put(f"/api/assets/{archived}", {"visibility": "archive"})
    await alice.put(f"/api/assets/{locked}", {"visibility": "locked"})
    await alice.put(f"/api/assets/{here}", {"isFavorite": True})

    shown = await markers(alice)

    assert nowhere not in shown
    assert shown[here] == {
        "id": here, "lat": 59.91, "lon": 10.75,
        "city": "Oslo", "state": "Oslo", "country": "Norway",
    }  # fmt: skip
    assert set(shown) == {here}
    assert set(await markers(alice, isArchived="true")) == {here, archived}
    assert set(await markers(alice, isArchived="true", isFavorite="true")) == {here}
    assert set(await markers(alice, isArchived="true", isFavorite="false")) == {archived}


async def test_the_map_shows_a_time(alice, add):
    asset = await add()
    await place(alice, asset, 59.91, 10.75)
    await alice.put(f"/api/assets/{asset}", {"dateTimeOriginal": "2020-06-01T12:00:00.000Z"})

    before, after = "2020-06-01T11:59:59.000Z", "2020-06-01T12:00:01.000Z"
    assert set(await markers(alice, fileCreatedAfter=before, fileCreatedBefore=after)) == {asset}
    assert await markers(alice, fileCreatedAfter=after) == {}
    assert await markers(alice, fileCreatedBefore=before) == {}


async def test_partners_and_albums_are_on_the_map_if_wanted(alice, bob, add):
    asset, in_album = await add(client=bob), await add(client=bob)
    for id_ in (asset, in_album):
        await place(bob, id_, 52.52, 13.41)
    await bob.put(f"/api/assets/{asset}", {"isFavorite": True})
    await bob.post("/api/albums", {
        "albumName": "a", "assetIds": [in_album],
        "albumUsers": [{"userId": alice.user["id"], "role": "viewer"}],
    })  # fmt: skip
    await bob.post("/api/partners", {"sharedWithId": alice.user["id"]})

    assert await markers(alice) == {}
    assert set(await markers(alice, withSharedAlbums="true")) == {in_album}
    assert await markers(alice, withPartners="true") == {}  # not in her timeline
    await alice.put(f"/api/partners/{bob.user['id']}", {"inTimeline": True})
    assert set(await markers(alice, withPartners="true")) == {asset, in_album}
    assert await markers(alice, withPartners="true", isFavorite="true") == {}


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/api/map/reverse-geocode", {"lat": 91, "lon": 0}, "lat"),
        ("/api/map/reverse-geocode", {"lat": 0}, "lon"),
        ("/api/map/reverse-geocode", {"lat": "x", "lon": 0}, "lat"),
        ("/api/map/markers", {"isFavorite": "maybe"}, "isFavorite"),
        ("/api/search/places", {}, "name"),
        ("/api/search/places", {"name": ""}, "name"),
    ],
)
async def test_what_makes_no_sense_is_refused(alice, path, query, field):
    answer = await alice.get(path, **query)

    assert (answer.status, answer.message) == (400, "Validation failed")
    assert answer.json["errors"][0]["path"] == [field]
