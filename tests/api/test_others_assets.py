"""What is told of an asset to those it is shown to, and what stays between it and its owner."""

from __future__ import annotations

from uuid import uuid4

import pytest

PRIVATE = ("isFavorite", "people", "tags", "duplicateId")
DUPLICATE_ID = str(uuid4())
NOTHING = {"isFavorite": False, "people": [], "tags": [], "duplicateId": None}
WHERE = {"latitude": 48.2, "longitude": 16.4}


@pytest.fixture
async def asset(alice, add, new_person, see, execute):
    """Of Alice's: a favorite with all that she says of one."""
    asset_id = await add("secret name.jpg")
    await alice.put(f"/api/assets/{asset_id}", {"isFavorite": True, "description": "At home"})
    await alice.put("/api/assets", {"ids": [asset_id], **WHERE})
    (tag,) = (await alice.put("/api/tags", {"tags": ["private"]})).json
    await alice.put(f"/api/tags/{tag['id']}/assets", {"ids": [asset_id]})
    await see(await new_person("Anna"), asset_id)
    await execute("UPDATE asset SET duplicate_id = %s WHERE id = %s", DUPLICATE_ID, asset_id)
    return asset_id


@pytest.fixture
async def album(alice, bob, asset):
    """Of Alice's, with the asset; Bob looks at it."""
    viewers = [{"userId": bob.user["id"], "role": "viewer"}]
    body = {"albumName": "Trip", "assetIds": [asset], "albumUsers": viewers}
    return (await alice.post("/api/albums", body)).json["id"]


async def every_look(client, asset_id, **search):
    """The asset in each answer that has it whole."""
    found = [(await client.get(f"/api/assets/{asset_id}")).json]
    asked = {"withExif": True, "withPeople": True, "withStacked": True, **search}
    found += (await client.post("/api/search/metadata", asked)).json["assets"]["items"]
    return found


def private(asset):
    return {name: asset.get(name) for name in PRIVATE}


async def test_the_owner_is_told_everything(alice, asset):
    (whole, _) = await every_look(alice, asset)

    assert (whole["isFavorite"], whole["duplicateId"]) == (True, DUPLICATE_ID)
    assert [person["name"] for person in whole["people"]] == ["Anna"]
    assert [tag["value"] for tag in whole["tags"]] == ["private"]
    assert whole["exifInfo"].items() >= {"description": "At home", **WHERE}.items()


async def test_a_partner_is_told_what_the_file_says(alice, bob, asset):
    await alice.post("/api/partners", {"sharedWithId": bob.user["id"]})
    await bob.put(f"/api/partners/{alice.user['id']}", {"inTimeline": True})

    seen = await every_look(bob, asset)
    seen += (await bob.post("/api/search/random", {"withPeople": True})).json
    seen += (await bob.post("/api/search/large-assets")).json

    assert len(seen) == 4
    assert [private(one) for one in seen] == [NOTHING] * 4
    assert all(one["exifInfo"]["latitude"] == 48.2 for one in seen if "exifInfo" in one)


async def test_so_is_whoever_looks_at_an_album(bob, album, asset):
    seen = await every_look(bob, asset, albumIds=[album])

    assert [private(one) for one in seen] == [NOTHING] * 2


async def test_so_is_a_guest_and_not_whose_it_is(visit, share, album, asset):
    seen = await every_look(visit(await share(albumId=album)), asset, albumIds=[album])

    assert [private(one) for one in seen] == [NOTHING] * 2
    assert all("owner" not in one for one in seen)


async def test_a_guest_of_a_bare_link_is_told_of_no_place_nor_time_nor_name(
    visit, share, album, asset
):
    guest = visit(await share(albumId=album, showMetadata=False))

    seen = await every_look(guest, asset, albumIds=[album])

    assert [one["id"] for one in seen] == [asset] * 2
    for one in seen:
        assert not any(private(one).values())
        assert not {"exifInfo", "owner", "stack", "libraryId"} & one.keys()
        assert (one["originalFileName"], one["originalPath"], one["checksum"]) == ("", "", "")
        moments = ("createdAt", "updatedAt", "fileCreatedAt", "fileModifiedAt")
        assert {one[name] for name in moments} == {one["localDateTime"]}


async def test_nor_in_a_month(visit, share, album, asset):
    guest = visit(await share(albumId=album, showMetadata=False))
    (bucket,) = (await guest.get("/api/timeline/buckets", albumId=album)).json

    month = await guest.get(
        "/api/timeline/bucket",
        albumId=album, timeBucket=bucket["timeBucket"], withCoordinates="true",
    )  # fmt: skip

    assert (month.json["id"], month.json["isFavorite"]) == ([asset], [False])
    assert not {"city", "country", "latitude", "longitude"} & month.json.keys()
