"""/search: by people, tags and words in pictures, by chance and by size; and what there is."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests import contract


async def find(client, **asked):
    answer = await client.post("/api/search/metadata", asked)
    assert answer.status == 200, answer.data
    return {asset["id"] for asset in answer.json["assets"]["items"]}


async def get(client, path, **query):
    answer = await client.get(f"/api/search/{path}", **query)
    assert answer.status == 200, answer.data
    return answer.json


@pytest.fixture
def place(add, execute):
    """An asset with exif of one's choice; its id."""

    async def place(name="a.jpg", client=None, taken=None, **exif):
        uploaded = {"fileCreatedAt": taken} if taken else {}
        asset_id = await add(name, **({"client": client} if client else {}), **uploaded)
        for column, value in exif.items():
            statement = f"UPDATE asset_exif SET {column} = %s WHERE asset_id = %s"
            await execute(statement, value, asset_id)
        return asset_id

    return place


@pytest.fixture
def new_person(alice, query):
    async def new_person(name, client=alice, **details):
        (row,) = await query(
            "INSERT INTO person (owner_id, name, is_hidden) VALUES (%s, %s, %s) RETURNING id",
            client.user["id"],
            name,
            details.get("is_hidden", False),
        )
        return str(row["id"])

    return new_person


@pytest.fixture
def show(execute):
    """A face of somebody in an asset."""

    async def show(asset_id, person_id, **details):
        await execute(
            "INSERT INTO asset_face (asset_id, person_id, image_width, image_height,"
            " x1, y1, x2, y2, source_type, is_visible, deleted_at)"
            " VALUES (%s, %s, 9, 9, 1, 1, 2, 2, 'manual', %s, %s)",
            asset_id,
            person_id,
            details.get("is_visible", True),
            details.get("deleted_at"),
        )

    return show


async def test_people_in_pictures(alice, bob, add, new_person, show):
    ann, ben = await new_person("Ann"), await new_person("Ben")
    both, one, nobody, unsure = [await add() for _ in range(4)]
    await show(both, ann)
    await show(both, ben)
    await show(one, ann)
    await show(nobody, ann, is_visible=False)
    await show(nobody, ann, deleted_at="2020-01-01")
    await show(unsure, None)

    assert await find(alice, personIds=[ann]) == {both, one}
    assert await find(alice, personIds=[ann, ben]) == {both}
    assert await find(alice, personIds=[ann, ann]) == {both, one}
    assert await find(alice, filter={"personIds": {"any": [ann, ben]}}) == {both, one}
    assert await find(alice, filter={"personIds": {"all": [ann, ben]}}) == {both}
    assert await find(alice, filter={"personIds": {"none": [ben]}}) == {one, nobody, unsure}
    assert await find(alice, filter={"hasPeople": {"eq": True}}) == {both, one, unsure}
    assert await find(alice, filter={"hasPeople": {"eq": False}}) == {nobody}
    shown = await alice.post("/api/search/metadata", {"personIds": [ben], "withPeople": True})
    (asset,) = shown.json["assets"]["items"]
    assert {person["name"] for person in asset["people"]} == {"Ann", "Ben"}
    bare = await alice.post("/api/search/metadata", {"personIds": [ben]})
    assert bare.json["assets"]["items"][0]["people"] == []


async def test_people_are_known_to_their_owner_alone(alice, bob, add, new_person, show):
    """Who has an album in which there is a picture of somebody does not find by whom it shows."""
    ann, asset_id = await new_person("Ann"), await add()
    await show(asset_id, ann)
    album = await alice.post(
        "/api/albums",
        {
            "albumName": "Trip",
            "assetIds": [asset_id],
            "albumUsers": [{"userId": bob.user["id"], "role": "viewer"}],
        },
    )
    inside = {"albumIds": {"any": [album.json["id"]]}}

    assert await find(alice, filter=inside | {"personIds": {"any": [ann]}}) == {asset_id}
    assert await find(bob, filter=inside | {"personIds": {"any": [ann]}}) == set()
    assert await find(bob, filter=inside | {"hasPeople": {"eq": False}}) == {asset_id}


async def test_a_tag_is_also_of_what_has_one_below_it(alice, bob, add):
    tags = {
        tag["value"]: tag["id"]
        for tag in (
            await alice.put("/api/tags", {"tags": ["Places/Norway", "Places2", "Food"]})
        ).json
    }
    tags["Places"] = next(
        tag["id"] for tag in (await alice.get("/api/tags")).json if tag["value"] == "Places"
    )
    fjord, dinner, far, plain = [await add() for _ in range(4)]
    for tag, assets in {
        "Places/Norway": [fjord, dinner], "Food": [dinner], "Places2": [far],
    }.items():  # fmt: skip
        await alice.put(f"/api/tags/{tags[tag]}/assets", {"ids": assets})

    assert await find(alice, tagIds=[tags["Places"]]) == {fjord, dinner}
    assert await find(alice, tagIds=[tags["Places"], tags["Food"]]) == {dinner}
    assert await find(alice, tagIds=[tags["Places"], tags["Places/Norway"]]) == {fjord, dinner}
    assert await find(alice, tagIds=None) == {plain}
    some = [tags["Food"], tags["Places2"]]
    assert await find(alice, filter={"tagIds": {"any": some}}) == {dinner, far}
    assert await find(alice, filter={"tagIds": {"none": [tags["Places"]]}}) == {far, plain}
    assert await find(alice, filter={"hasTags": {"eq": True}}) == {fjord, dinner, far}
    assert await find(bob, tagIds=[tags["Places"]]) == set()


async def test_words_in_pictures(alice, add, execute):
    receipt, sign, covered = [await add() for _ in range(3)]
    for asset_id, text, is_visible in (
        (receipt, "TOTAL 12,80", True),
        (receipt, "Café Müller", True),
        (sign, "Straße gesperrt", True),
        (covered, "Café", False),
        (sign, "東京駅", True),
    ):
        await execute(
            "INSERT INTO asset_ocr (asset_id, corners, box_score, text_score, text, is_visible)"
            " VALUES (%s, '{0,0,1,0,1,1,0,1}', 1, 1, %s, %s)",
            asset_id,
            text,
            is_visible,
        )

    assert await find(alice, ocr="muller") == {receipt}
    assert await find(alice, ocr="cafe total") == {receipt}
    assert await find(alice, ocr="cafe strasse") == set()
    assert await find(alice, ocr="gespert") == {sign}, "a letter is missing"
    assert await find(alice, ocr="東京") == {sign}
    assert await find(alice, filter={"ocr": {"matches": "12,80"}}) == {receipt}
    unsaid = {"ocr": {"matches": " "}}
    assert await find(alice, filter={"or": [unsaid]}) == {receipt, sign, covered}
    assert await find(alice, ocr=" ") == {receipt, sign, covered}


async def test_stacks_can_be_left_out(alice, add):
    first, second, alone = [await add() for _ in range(3)]
    await alice.post("/api/stacks", {"assetIds": [first, second]})

    assert await find(alice) == {first, second, alone}
    assert await find(alice, withStacked=True) == {first, second, alone}
    assert await find(alice, withStacked=False) == {alone}
    assert await find(alice, filter={}, withStacked=False) == {alone}
    random = await alice.post("/api/search/random", {"withStacked": False})
    assert [asset["id"] for asset in random.json] == [alone]


async def test_encoded_videos_and_other_files(alice, add, execute):
    film, other = await add("a.mp4"), await add("b.mp4")
    for asset_id, type_, key in (
        (film, "encoded_video", "encoded/x.mp4"),
        (other, "preview", "thumbs/x.webp"),
    ):
        await execute(
            "INSERT INTO asset_file (asset_id, type, key) VALUES (%s, %s, %s)", asset_id, type_, key
        )

    assert await find(alice, isEncoded=True) == {film}
    assert await find(alice, isEncoded=False) == {other}
    assert await find(alice, encodedVideoPath="encoded/x.mp4") == {film}
    assert await find(alice, filter={"encodedVideoPath": {"ne": "encoded/x.mp4"}}) == set()
    assert await find(alice, filter={"encodedVideoPath": {"in": ["encoded/x.mp4"]}}) == {film}
    assert await find(alice, previewPath="thumbs/x.webp") == {other}


@contract.needed
async def test_random_assets(alice, place):
    expected = {await place(city="Paris") for _ in range(3)} | {await place(city="Oslo")}

    answer = await alice.post("/api/search/random", {"withExif": True})
    contract.assert_matches("POST", "/search/random", 200, answer.json, with_undeclared=False)
    assert {asset["id"] for asset in answer.json} == expected
    two = await alice.post("/api/search/random", {"size": 2, "filter": {"city": {"eq": "Paris"}}})
    assert len({asset["id"] for asset in two.json}) == 2
    assert "exifInfo" not in two.json[0]
    nothing = await alice.post("/api/search/random", {"city": "Rome"})
    assert nothing.json == []


async def test_counts(alice, place, add):
    await place(city="Paris", description="Sea")
    trashed = await place(city="Paris")
    await alice.delete("/api/assets", {"ids": [trashed]})

    async def count(**asked):
        return (await alice.post("/api/search/statistics", asked)).json

    assert await count() == {"total": 1}
    assert await count(city="Paris", description="sea") == {"total": 1}
    assert await count(filter={"city": {"eq": "Paris"}}) == {"total": 2}
    assert await count(trashedAfter="2000-01-01T00:00:00.000Z") == {"total": 1}
    assert await count(city="Rome") == {"total": 0}


@contract.needed
async def test_large_assets(alice, place, execute):
    sizes = {await place("a.mp4"): 3000, await place(city="Paris"): 1000, await place(): 2000}
    for asset_id, size in sizes.items():
        await execute("UPDATE asset SET file_bytes = %s WHERE id = %s", size, asset_id)
    large, small, middle = sizes

    async def found(**query):
        answer = await alice.post("/api/search/large-assets", **query)
        assert answer.status == 200, answer.data
        return answer.json

    shown = await found()
    contract.assert_matches("POST", "/search/large-assets", 200, shown, with_undeclared=False)
    assert [asset["id"] for asset in shown] == [large, middle, small]
    assert [asset["exifInfo"]["fileSizeInByte"] for asset in shown] == [3000, 2000, 1000]
    assert [asset["id"] for asset in await found(minFileSize=1500, size=1)] == [large]
    assert [asset["id"] for asset in await found(minFileSize=1500, type="IMAGE")] == [middle]
    assert [asset["id"] for asset in await found(city="Paris", isFavorite="false")] == [small]
    answer = await alice.post("/api/search/large-assets", minFileSize="-1", isMotion="perhaps")
    assert answer.status == 400
    assert {issue["path"][0] for issue in answer.json["errors"]} == {"minFileSize", "isMotion"}


async def test_suggestions(alice, bob, place, monkeypatch):
    await place(city="Köln", state="NRW", country="Germany", make="Apple", model="iPhone")
    await place(city="Bonn", state="NRW", country="Germany", make="samsung", model="S 21")
    await place(city="Paris", state="", country="France", make="SONY", lens_model="50mm")
    archived, trashed = await place(city="Oslo"), await place(city="Rome")
    await alice.put("/api/assets", {"ids": [archived], "visibility": "archive"})
    await alice.delete("/api/assets", {"ids": [trashed]})
    await place(client=bob, city="Berlin", country="Germany")

    async def suggest(type_, **query):
        return await get(alice, "suggestions", type=type_, **query)

    assert await suggest("country") == ["France", "Germany"]
    assert await suggest("state") == ["NRW"]
    assert await suggest("city") == ["Bonn", "Köln", "Paris"]
    assert await suggest("city", country="Germany") == ["Bonn", "Köln"]
    assert await suggest("city", country="Germany", state="Bavaria") == []
    assert await suggest("city", make="Apple") == ["Bonn", "Köln", "Paris"]
    assert await suggest("camera-make") == ["Apple", "samsung", "SONY"]
    assert await suggest("camera-make", model="iPhone") == ["Apple"]
    assert await suggest("camera-model", make="samsung") == ["S 21"]
    assert await suggest("camera-model", make="") == ["iPhone", "S 21"]
    assert await suggest("camera-lens-model") == ["50mm"]
    assert await suggest("camera-lens-model", make="Apple") == []
    # Immich's own answer does not fit its contract, which knows only strings.
    monkeypatch.setattr(contract, "check", lambda *_: None)
    assert await suggest("state", includeNull="true") == ["NRW", None]

    await bob.post("/api/partners", {"sharedWithId": alice.user["id"]})
    await alice.put(f"/api/partners/{bob.user['id']}", {"inTimeline": True})
    assert await suggest("city", country="Germany") == ["Berlin", "Bonn", "Köln"]


@pytest.mark.parametrize("query", [{}, {"type": "city-state"}, {"type": "city", "includeNull": 3}])
async def test_a_wrong_suggestion_is_refused(alice, query):
    answer = await alice.get("/api/search/suggestions", **query)

    assert (answer.status, answer.message) == (400, "Validation failed")


@contract.needed
async def test_explore_shows_cities_and_what_came_last(alice, bob, place):
    paris = [await place(city="Paris", taken=f"{2010 + n}-01-01T00:00:00.000Z") for n in range(5)]
    await place(city="Oslo")
    film = await place("a.mp4", city="Oslo")
    other = await place(client=bob, city="Oslo")

    shown = await get(alice, "explore")

    contract.assert_matches("GET", "/search/explore", 200, shown, with_undeclared=False)
    cities, newcomers = shown
    assert cities["fieldName"] == "exifInfo.city"
    assert [(one["value"], one["data"]["id"]) for one in cities["items"]] == [("Paris", paris[-1])]
    assert newcomers["fieldName"] == "createdAt"
    found = [one["data"]["id"] for one in newcomers["items"]]
    assert len(found) == 6 and not {film, other} & set(found)
    assert found[-1] == paris[0]
    assert all(one["value"] == one["data"]["createdAt"] for one in newcomers["items"])


async def test_explore_of_an_empty_library(alice):
    assert await get(alice, "explore") == [
        {"fieldName": "exifInfo.city", "items": []},
        {"fieldName": "createdAt", "items": []},
    ]


@contract.needed
async def test_a_photo_of_each_city(alice, bob, place):
    old = await place(city="Paris", taken="2001-01-01T00:00:00.000Z")
    new = await place(city="Paris", taken="2002-01-01T00:00:00.000Z")
    oslo, archived = await place(city="Oslo"), await place(city="Rome")
    await place("a.mp4", city="Bonn")
    await place()
    await alice.put("/api/assets", {"ids": [archived], "visibility": "archive"})
    theirs = await place(client=bob, city="Ulm")

    shown = await get(alice, "cities")
    contract.assert_matches("GET", "/search/cities", 200, shown, with_undeclared=False)
    assert [(one["id"], one["exifInfo"]["city"]) for one in shown] == [
        (oslo, "Oslo"), (new, "Paris"),
    ]  # fmt: skip
    assert old not in {one["id"] for one in shown}
    await bob.post("/api/partners", {"sharedWithId": alice.user["id"]})
    await alice.put(f"/api/partners/{bob.user['id']}", {"inTimeline": True})
    assert theirs in {one["id"] for one in await get(alice, "cities")}


@contract.needed
async def test_people_by_name(alice, bob, new_person):
    anna, marianne = await new_person("Änna Schmidt"), await new_person("Marianne")
    shy = await new_person("Anna B", is_hidden=True)
    await new_person("")
    await new_person("Anna", client=bob)

    shown = await get(alice, "person", name="anna")
    contract.assert_matches("GET", "/search/person", 200, shown, with_undeclared=False)
    assert [one["id"] for one in shown] == [anna]
    assert [one["id"] for one in await get(alice, "person", name="marian")] == [marianne]
    assert {one["id"] for one in await get(alice, "person", name="ann")} == {anna, marianne}
    hidden = await get(alice, "person", name="Anna", withHidden="true")
    assert {one["id"] for one in hidden} == {anna, shy}
    assert await get(alice, "person", name="anna schmitd") == shown, "letters are swapped"
    assert await get(alice, "person", name="%") == []
    answer = await alice.get("/api/search/person")
    assert answer.status == 400
    assert [issue["path"] for issue in answer.json["errors"]] == [["name"]]


async def test_ids_that_nothing_has(alice, add):
    asset_id, unknown = await add(), str(uuid4())

    assert await find(alice, filter={"id": {"eq": asset_id}}) == {asset_id}
    assert await find(alice, filter={"id": {"ne": asset_id}}) == set()
    assert await find(alice, filter={"libraryId": {"eq": unknown}}) == set()
    for field in ("personIds", "tagIds"):
        assert await find(alice, filter={field: {"all": [unknown, unknown]}}) == set()
        assert await find(alice, filter={field: {"none": [unknown]}}) == {asset_id}
