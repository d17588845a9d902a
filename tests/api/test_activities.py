"""/activities: what is said and liked in albums, and who may."""

from __future__ import annotations

from uuid import uuid4

import pytest

UNKNOWN = str(uuid4())


@pytest.fixture
async def asset(add):
    return await add()


@pytest.fixture
async def album(alice, bob, asset):
    """Of Alice's, with an asset; Bob looks at it."""
    answer = await alice.post("/api/albums", {
        "albumName": "Trip", "assetIds": [asset],
        "albumUsers": [{"userId": bob.user["id"], "role": "viewer"}],
    })  # fmt: skip
    return answer.json["id"]


async def say(client, album, type_="comment", **fields):
    return await client.post("/api/activities", {"albumId": album, "type": type_, **fields})


async def listed(client, album, **query):
    answer = await client.get("/api/activities", albumId=album, **query)
    assert answer.status == 200, answer.data
    return [one.get("comment", one["type"]) for one in answer.json]


async def test_members_comment_and_like(alice, bob, album, asset):
    spoken = await say(bob, album, comment="Nice", assetId=asset)
    assert spoken.status == 201, spoken.data
    assert spoken.json["user"]["id"] == bob.user["id"]
    assert (spoken.json["type"], spoken.json["assetId"]) == ("comment", asset)
    assert (await say(alice, album, comment="Thanks")).json["assetId"] is None
    assert (await say(bob, album, "like", assetId=asset)).status == 201

    assert await listed(alice, album) == ["Nice", "Thanks", "like"]
    assert await listed(alice, album, assetId=asset) == ["Nice", "like"]
    assert await listed(alice, album, level="album") == ["Thanks"]
    assert await listed(alice, album, type="like") == ["like"]
    assert await listed(alice, album, userId=alice.user["id"]) == ["Thanks"]
    counts = await alice.get("/api/activities/statistics", albumId=album)
    assert counts.json == {"comments": 2, "likes": 1}
    counts = await alice.get("/api/activities/statistics", albumId=album, assetId=asset)
    assert counts.json == {"comments": 1, "likes": 1}


@pytest.mark.parametrize("on_asset", [True, False])
async def test_one_likes_once(alice, bob, album, asset, on_asset):
    about = {"assetId": asset} if on_asset else {}
    first = await say(bob, album, "like", **about)
    again = await say(bob, album, "like", **about)

    assert (first.status, again.status) == (201, 201)
    assert first.json == again.json
    assert (await say(alice, album, "like", **about)).status == 201


async def test_ones_own_words_and_any_in_ones_own_album_are_taken_back(alice, bob, album):
    bobs = (await say(bob, album, comment="a")).json["id"]
    alices = (await say(alice, album, comment="b")).json["id"]
    other = (await say(bob, album, comment="c")).json["id"]

    refused = await bob.delete(f"/api/activities/{alices}")
    assert (refused.status, refused.message) == (400, "Not found or no activity.delete access")
    assert (await bob.delete(f"/api/activities/{bobs}")).status == 204
    assert (await alice.delete(f"/api/activities/{other}")).status == 204
    assert await listed(bob, album) == ["b"]
    assert (await bob.delete(f"/api/activities/{UNKNOWN}")).status == 400


async def test_nobody_talks_where_the_owner_turned_it_off(alice, bob, album):
    await alice.call("PATCH", f"/api/albums/{album}", json={"isActivityEnabled": False})

    answer = await say(bob, album, comment="Hello")

    assert (answer.status, answer.message) == (400, "Not found or no activity.create access")


async def test_words_go_with_the_picture(alice, album, asset):
    await say(alice, album, comment="Nice", assetId=asset)

    await alice.delete("/api/assets", {"ids": [asset]})
    assert await listed(alice, album) == []
    await alice.post("/api/trash/restore/assets", {"ids": [asset]})
    assert await listed(alice, album) == ["Nice"]
    await alice.delete(f"/api/albums/{album}/assets", {"ids": [asset]})
    assert await listed(alice, album) == []


async def test_strangers_neither_talk_nor_listen(sign_in, album, asset):
    stranger = await sign_in("dave")

    said = await say(stranger, album, comment="Hello")
    assert (said.status, said.message) == (400, "Not found or no activity.create access")
    for path in ("/api/activities", "/api/activities/statistics"):
        heard = await stranger.get(path, albumId=album)
        assert (heard.status, heard.message) == (400, "Not found or no album.read access")


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"type": "comment"}, ["comment"]),
        ({"type": "comment", "comment": ""}, ["comment"]),
        ({"type": "like", "comment": "x"}, ["comment"]),
        ({"type": "love"}, ["type"]),
        ({"type": "like", "assetId": "x"}, ["assetId"]),
    ],
)
async def test_what_makes_no_sense_is_refused(alice, album, fields, path):
    answer = await alice.post("/api/activities", {"albumId": album, **fields})

    assert (answer.status, answer.message) == (400, "Validation failed")
    assert answer.json["errors"][0]["path"] == path


async def test_a_picture_outside_the_album_is_not_talked_about(alice, album, add):
    answer = await say(alice, album, comment="x", assetId=await add())

    assert (answer.status, answer.message) == (400, "Asset not in album")
