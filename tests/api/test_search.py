"""/search: what each condition finds, in what order, page by page, and who may ask."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from hashlib import sha1

import msgspec
import pytest

from server import search_body
from server.searches import DEPRECATED
from tests import contract
from tests.fix_assets import PHOTO

UNKNOWN = "3f2b8c1e-5d74-4a96-8e0b-6c1f9a2d7e53"
MOON = PHOTO + b"moon"

# Alice's, by name and in the order they were taken: what is set in the rows themselves.
EXIF = {
    "Moon_100%.jpg": {
        "city": "Paris", "state": "Île-de-France", "country": "France", "make": "Canon",
        "model": "EOS 7D", "lens_model": "EF 50mm", "rating": 5,
        "description": "Déjà vu: 100% Moon",
    },
    "Straße.jpg": {
        "city": "Köln", "country": "Germany", "make": "Apple", "model": "iPhone 15", "rating": 3,
        "description": "Ein Mond, кошка",
    },
    "clip.mp4": {"make": "Apple", "country": "France", "rating": 1},
    "plain.jpg": {},
    "gone.jpg": {"city": "Paris"},
    "secret.jpg": {"city": "Paris"},
    "part.mov": {},
}  # fmt: skip
SIZES = dict(zip(EXIF, (7000, 6000, 5000, 4000, 3000, 2000, 1000), strict=True))
SHOWN = ["Moon_100%.jpg", "Straße.jpg", "clip.mp4", "plain.jpg", "part.mov"]


@pytest.fixture
async def library(alice, add, execute):
    """The ids of all by their names."""
    ids = {}
    for year, (name, exif) in enumerate(EXIF.items(), start=2018):
        taken = f"{year}-06-01T12:00:00.000Z"
        if name == "Moon_100%.jpg":
            ids[name] = (await alice.upload(MOON, name, fileCreatedAt=taken)).json["id"]
        else:
            ids[name] = await add(name, fileCreatedAt=taken)
        await execute("UPDATE asset SET file_bytes = %s WHERE id = %s", SIZES[name], ids[name])
        for column, value in exif.items():
            statement = f"UPDATE asset_exif SET {column} = %s WHERE asset_id = %s"
            await execute(statement, value, ids[name])
    await alice.put("/api/assets", {"ids": [ids["Moon_100%.jpg"]], "isFavorite": True})
    await alice.put("/api/assets", {"ids": [ids["clip.mp4"]], "visibility": "archive"})
    await alice.put("/api/assets", {"ids": [ids["secret.jpg"]], "visibility": "locked"})
    await alice.put(f"/api/assets/{ids['Straße.jpg']}", {"livePhotoVideoId": ids["part.mov"]})
    await alice.delete("/api/assets", {"ids": [ids["gone.jpg"]]})
    return ids


@pytest.fixture
def find(alice, library):
    """The names of what a search finds, in its order."""
    names = {id_: name for name, id_ in library.items()}

    async def find(client=alice, **asked):
        answer = await client.post("/api/search/metadata", asked)
        assert answer.status == 200, (asked, answer.data)
        return [names.get(asset["id"], asset["id"]) for asset in answer.json["assets"]["items"]]

    return find


@contract.needed
async def test_what_is_found_is_shown_as_the_contract_says(alice, library):
    answer = await alice.post("/api/search/metadata", {"withExif": True, "withPeople": True})

    contract.assert_matches("POST", "/search/metadata", 200, answer.json, with_undeclared=False)
    assert answer.json["albums"] == {"total": 0, "count": 0, "items": [], "facets": []}
    assets = answer.json["assets"]
    assert (assets["total"], assets["count"], assets["facets"]) == (5, 5, [])
    assert (assets["nextPage"], assets["nextCursor"]) == (None, None)
    assert assets["items"][-1]["exifInfo"]["city"] == "Paris"


async def test_exif_is_shown_on_request(alice, library):
    answer = await alice.post("/api/search/metadata", {})

    assert all("exifInfo" not in asset for asset in answer.json["assets"]["items"])


async def test_the_newest_come_first_and_nothing_trashed_or_locked(find):
    assert await find() == SHOWN[::-1]
    assert await find(order="asc") == SHOWN
    assert await find(withDeleted=True, order="asc") == [*SHOWN[:4], "gone.jpg", "part.mov"]


FLAT = [
    ({"originalFileName": "strasse"}, ["Straße.jpg"]),
    ({"originalFileName": "  MOON_100% "}, ["Moon_100%.jpg"]),
    ({"originalFileName": "n_1%"}, []),
    ({"originalFileName": ""}, SHOWN),
    ({"description": "deja VU"}, ["Moon_100%.jpg"]),
    ({"description": "mo"}, ["Moon_100%.jpg", "Straße.jpg"]),
    ({"description": "КОШ"}, ["Straße.jpg"]),
    ({"description": "100%"}, ["Moon_100%.jpg"]),
    ({"description": "1%0"}, []),
    ({"originalPath": "nowhere"}, []),
    ({"checksum": sha1(MOON).hexdigest()}, ["Moon_100%.jpg"]),
    ({"checksum": b64encode(sha1(MOON).digest()).decode()}, ["Moon_100%.jpg"]),
    ({"checksum": "neither"}, []),
    ({"city": "Paris"}, ["Moon_100%.jpg"]),
    ({"city": "paris"}, []),
    ({"city": None}, ["clip.mp4", "plain.jpg", "part.mov"]),
    ({"state": "Île-de-France"}, ["Moon_100%.jpg"]),
    ({"country": "France"}, ["Moon_100%.jpg", "clip.mp4"]),
    ({"country": None}, ["plain.jpg", "part.mov"]),
    ({"make": "Apple"}, ["Straße.jpg", "clip.mp4"]),
    ({"model": "EOS 7D", "lensModel": "EF 50mm"}, ["Moon_100%.jpg"]),
    ({"model": "EOS 7D", "lensModel": None}, []),
    ({"rating": 3}, ["Straße.jpg"]),
    ({"rating": None}, ["plain.jpg", "part.mov"]),
    ({"isFavorite": True}, ["Moon_100%.jpg"]),
    ({"isFavorite": False}, SHOWN[1:]),
    ({"isMotion": True}, ["Straße.jpg"]),
    ({"isEncoded": True}, []),
    ({"isOffline": False}, SHOWN),
    ({"isOffline": True}, []),
    ({"type": "VIDEO"}, ["clip.mp4", "part.mov"]),
    ({"type": "AUDIO"}, []),
    ({"visibility": "archive"}, ["clip.mp4"]),
    ({"visibility": "hidden"}, ["part.mov"]),
    ({"visibility": "timeline"}, ["Moon_100%.jpg", "Straße.jpg", "plain.jpg"]),
    ({"takenAfter": "2021-06-01T12:00:00.000Z"}, ["plain.jpg", "part.mov"]),
    ({"takenBefore": "2018-06-01T14:00:00.000+02:00"}, ["Moon_100%.jpg"]),
    ({"createdAfter": "2100-01-01T00:00:00.000Z"}, []),
    ({"createdBefore": "2100-01-01T00:00:00.000Z"}, SHOWN),
    ({"updatedAfter": "2000-01-01T00:00:00.000Z"}, SHOWN),
    ({"updatedBefore": "2000-01-01T00:00:00.000Z"}, []),
    ({"trashedAfter": "2000-01-01T00:00:00.000Z"}, ["gone.jpg"]),
    ({"trashedBefore": "2000-01-01T00:00:00.000Z"}, []),
    ({"libraryId": None}, SHOWN),
    ({"libraryId": UNKNOWN}, []),
    ({"id": UNKNOWN}, []),
    ({"isNotInAlbum": True}, SHOWN),
    ({"personIds": []}, SHOWN),
    ({"personIds": [UNKNOWN]}, []),
    ({"tagIds": []}, SHOWN),
    ({"tagIds": None}, SHOWN),
    ({"tagIds": [UNKNOWN]}, []),
    ({"ocr": "word"}, []),
    ({"encodedVideoPath": "nowhere"}, []),
    ({"previewPath": "nowhere"}, []),
    ({"thumbnailPath": ""}, SHOWN),
]


async def test_flat_fields_find(find):
    for asked, names in FLAT:
        assert await find(**asked, order="asc") == names, asked


ALL = list(EXIF)
UNLOCKED = [name for name in ALL if name != "secret.jpg"]
FILTERS = [
    ({}, UNLOCKED),
    ({"trashedAt": {"eq": None}}, SHOWN),
    ({"trashedAt": {"ne": None}}, ["gone.jpg"]),
    ({"trashedAt": {"gt": "2000-01-01T00:00:00.000Z"}}, ["gone.jpg"]),
    ({"city": {"eq": "Paris"}}, ["Moon_100%.jpg", "gone.jpg"]),
    ({"city": {"ne": "Paris"}}, ["Straße.jpg"]),
    ({"city": {"ne": None}}, ["Moon_100%.jpg", "Straße.jpg", "gone.jpg"]),
    ({"city": {"in": ["Köln", "Oslo"]}}, ["Straße.jpg"]),
    ({"city": {"notIn": ["Köln"]}}, ["Moon_100%.jpg", "gone.jpg"]),
    ({"state": {"eq": None}, "country": {"eq": "France"}}, ["clip.mp4"]),
    ({"make": {"in": ["Canon", "Apple"], "ne": "Canon"}}, ["Straße.jpg", "clip.mp4"]),
    ({"model": {"eq": "EOS 7D"}}, ["Moon_100%.jpg"]),
    ({"lensModel": {"ne": None}}, ["Moon_100%.jpg"]),
    ({"rating": {"gte": 3}}, ["Moon_100%.jpg", "Straße.jpg"]),
    ({"rating": {"gt": 3}}, ["Moon_100%.jpg"]),
    ({"rating": {"lt": 3}}, ["clip.mp4"]),
    ({"rating": {"lte": 2.5, "gte": 0.5}}, ["clip.mp4"]),
    ({"rating": {"in": [1, 5]}}, ["Moon_100%.jpg", "clip.mp4"]),
    ({"rating": {"notIn": [1, 5]}}, ["Straße.jpg"]),
    ({"rating": {"ne": 5}}, ["Straße.jpg", "clip.mp4"]),
    ({"rating": {"eq": None}}, ["plain.jpg", "gone.jpg", "part.mov"]),
    ({"fileSizeInBytes": {"lte": 2e3}}, ["part.mov"]),
    ({"fileSizeInBytes": {"eq": 4000}}, ["plain.jpg"]),
    ({"fileSizeInBytes": {"gt": 10**30}}, []),
    ({"description": {"like": "MOND"}}, ["Straße.jpg"]),
    ({"description": {"startsWith": "dejà"}}, ["Moon_100%.jpg"]),
    ({"description": {"endsWith": "moon"}}, ["Moon_100%.jpg"]),
    ({"description": {"like": "mo", "notLike": "vu"}}, ["Straße.jpg"]),
    ({"description": {"eq": "Ein Mond, кошка"}}, ["Straße.jpg"]),
    ({"description": {"eq": "ein mond, кошка"}}, []),
    ({"originalFileName": {"endsWith": ".MP4"}}, ["clip.mp4"]),
    ({"originalFileName": {"startsWith": "%"}}, []),
    ({"originalFileName": {"in": ["plain.jpg", "no"]}}, ["plain.jpg"]),
    ({"originalPath": {"like": "/"}}, UNLOCKED),
    ({"type": {"eq": "VIDEO"}}, ["clip.mp4", "part.mov"]),
    ({"type": {"notIn": ["IMAGE"]}}, ["clip.mp4", "part.mov"]),
    ({"visibility": {"in": ["archive", "hidden"]}}, ["clip.mp4", "part.mov"]),
    ({"visibility": {"eq": "timeline"}, "trashedAt": {"eq": None}},
     ["Moon_100%.jpg", "Straße.jpg", "plain.jpg"]),
    ({"isFavorite": {"eq": True}}, ["Moon_100%.jpg"]),
    ({"isMotion": {"eq": True}}, ["Straße.jpg"]),
    ({"isMotion": {"eq": False}, "type": {"eq": "IMAGE"}},
     ["Moon_100%.jpg", "plain.jpg", "gone.jpg"]),
    ({"isOffline": {"eq": True}}, []),
    ({"isEncoded": {"eq": False}}, UNLOCKED),
    ({"hasAlbums": {"eq": True}}, []),
    ({"hasPeople": {"eq": True}}, []),
    ({"hasTags": {"eq": False}}, UNLOCKED),
    ({"takenAt": {"eq": "2019-06-01T12:00:00.000Z"}}, ["Straße.jpg"]),
    ({"takenAt": {"gt": "2019-06-01T12:00:00Z", "lt": "2021-06-01T12:00:00Z"}}, ["clip.mp4"]),
    ({"takenAt": {"gte": "2019-06-01T12:00:00Z", "lte": "2020-06-01T12:00:00Z"}},
     ["Straße.jpg", "clip.mp4"]),
    ({"takenAt": {"ne": "2019-06-01T12:00:00Z"}, "city": {"ne": None}},
     ["Moon_100%.jpg", "gone.jpg"]),
    ({"createdAt": {"lt": "2000-01-01T00:00:00Z"}}, []),
    ({"updatedAt": {"gt": "2000-01-01T00:00:00Z"}}, UNLOCKED),
    ({"libraryId": {"eq": None}}, UNLOCKED),
    ({"libraryId": {"ne": None}}, []),
    ({"id": {"eq": UNKNOWN}}, []),
    ({"checksum": {"eq": sha1(MOON).hexdigest()}}, ["Moon_100%.jpg"]),
    ({"checksum": {"in": [b64encode(sha1(MOON).digest()).decode(), "no"]}}, ["Moon_100%.jpg"]),
    ({"checksum": {"ne": sha1(MOON).hexdigest()}, "city": {"eq": "Paris"}}, ["gone.jpg"]),
    ({"checksum": {"notIn": ["00"]}}, UNLOCKED),
    ({"encodedVideoPath": {"ne": "x"}}, []),
    ({"ocr": {"matches": "word"}}, []),
    ({"personIds": {"none": [UNKNOWN]}}, UNLOCKED),
    ({"tagIds": {"any": [UNKNOWN]}}, []),
    ({"or": [{"city": {"eq": "Köln"}}, {"rating": {"eq": 1}}]}, ["Straße.jpg", "clip.mp4"]),
    ({"or": [{"city": {"eq": "Paris"}, "rating": {"eq": 1}}]}, []),
    ({"make": {"eq": "Apple"}, "or": [{"city": {"eq": "Paris"}}, {"rating": {"eq": 1}}]},
     ["clip.mp4"]),
    ({"or": [{"visibility": {"eq": "hidden"}}, {"visibility": {"eq": "archive"}}]},
     ["clip.mp4", "part.mov"]),
]  # fmt: skip


async def test_filters_find(find):
    for filter_, names in FILTERS:
        found = await find(filter=filter_, orderBy={"direction": "asc"})
        assert found == names, filter_


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ({}, UNLOCKED[::-1]),
        ({"field": "localDateTime", "direction": "asc"}, UNLOCKED),
        ({"field": "fileSizeInBytes"}, UNLOCKED),
        ({"field": "fileSizeInBytes", "direction": "asc"}, UNLOCKED[::-1]),
    ],
)
async def test_an_order_is_held_over_pages(alice, library, order, names):
    found, cursor = [], {}
    while cursor is not None:
        body = {"orderBy": order, "size": 4, **cursor}
        page = (await alice.post("/api/search/metadata", body)).json["assets"]
        assert page["nextPage"] is None
        found += [asset["originalFileName"] for asset in page["items"]]
        cursor = page["nextCursor"] and {"cursor": page["nextCursor"]}

    assert found == names


@pytest.mark.parametrize(("direction", "first"), [("asc", [1, 3, 5]), ("desc", [5, 3, 1])])
async def test_what_is_unrated_comes_last(alice, library, direction, first):
    ratings, cursor = [], {}
    while cursor is not None:
        order = {"field": "rating", "direction": direction}
        body = {"orderBy": order, "size": 2, "withExif": True, **cursor}
        page = (await alice.post("/api/search/metadata", body)).json["assets"]
        ratings += [asset["exifInfo"]["rating"] for asset in page["items"]]
        cursor = page["nextCursor"] and {"cursor": page["nextCursor"]}

    assert ratings == [*first, None, None, None]


async def test_pages_of_flat_fields_are_numbered(alice, find):
    answer = await alice.post("/api/search/metadata", {"size": 2, "order": "asc"})
    assert answer.json["assets"]["nextPage"] == "2"
    assert answer.json["assets"]["nextCursor"] is None

    assert await find(size=2, order="asc", page=2) == SHOWN[2:4]
    last = await alice.post("/api/search/metadata", {"size": 2, "order": "asc", "page": 3})
    assert [one["originalFileName"] for one in last.json["assets"]["items"]] == SHOWN[4:]
    assert last.json["assets"]["nextPage"] is None
    assert await find(page=2**53 - 1, size=1000) == []


async def test_a_page_that_ends_with_the_last_has_no_next(alice, library):
    answer = await alice.post("/api/search/metadata", {"size": len(SHOWN)})

    assert answer.json["assets"]["count"] == len(SHOWN)
    assert answer.json["assets"]["nextPage"] is None


def forged(text):
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "ä",
        "!!!!",
        forged("{}"),
        forged("[]"),
        forged("null"),
        forged("[" * 2000),
        forged(f'["rating", "desc", 3, "{UNKNOWN}"]'),
        forged(f'["fileCreatedAt", "asc", "2020-01-01T00:00:00+00:00", "{UNKNOWN}"]'),
        forged(f'["fileCreatedAt", "desc", "2020-01-01T00:00:00", "{UNKNOWN}"]'),
        forged(f'["fileCreatedAt", "desc", 3, "{UNKNOWN}"]'),
        forged('["fileCreatedAt", "desc", "2020-01-01T00:00:00+00:00", "x"]'),
        forged('["fileCreatedAt", "desc", "2020-01-01T00:00:00+00:00", 7]'),
        forged(f'["fileCreatedAt", "desc", ["a"], "{UNKNOWN}"]'),
    ],
)
async def test_a_damaged_cursor_is_refused(alice, cursor):
    answer = await alice.post("/api/search/metadata", {"cursor": cursor})

    assert (answer.status, answer.message) == (400, "Invalid cursor")


async def test_a_cursor_is_of_one_order(alice, library):
    page = (await alice.post("/api/search/metadata", {"size": 1, "filter": {}})).json["assets"]
    body = {"cursor": page["nextCursor"], "orderBy": {"field": "rating"}}

    answer = await alice.post("/api/search/metadata", body)

    assert (answer.status, answer.message) == (400, "Invalid cursor")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"filter": {}, "city": "Paris"}, ["city"]),
        ({"cursor": "x", "page": 2}, ["page"]),
        ({"orderBy": {}, "order": "asc"}, ["order"]),
        ({"filter": {}, "withDeleted": False}, ["withDeleted"]),
        ({"filter": {"city": {}}}, ["filter", "city"]),
        ({"filter": {"or": []}}, ["filter", "or"]),
        ({"filter": {"or": [{}]}}, ["filter", "or", 0]),
        ({"filter": {"isFavorite": {}}}, ["filter", "isFavorite", "eq"]),
        ({"filter": {"rating": {"gt": None}}}, ["filter", "rating", "gt"]),
        ({"filter": {"albumIds": {"any": []}}}, ["filter", "albumIds", "any"]),
        ({"filter": {"albumIds": {"any": ["x"]}}}, ["filter", "albumIds", "any", 0]),
        ({"filter": {"description": {"like": ""}}}, ["filter", "description", "like"]),
        ({"filter": {"takenAt": {"gt": "today"}}}, ["filter", "takenAt", "gt"]),
        ({"filter": {"visibility": {"in": ["all"]}}}, ["filter", "visibility", "in", 0]),
        ({"cursor": ""}, ["cursor"]),
        ({"orderBy": {"field": "city"}}, ["orderBy", "field"]),
        ({"size": 0}, ["size"]),
        ({"size": 1001}, ["size"]),
        ({"page": 0}, ["page"]),
        ({"rating": 6}, ["rating"]),
        ({"isFavorite": None}, ["isFavorite"]),
        ({"personIds": ["x"]}, ["personIds", 0]),
        ({"originalFileName": "\0"}, ["originalFileName"]),
        ({"description": "x" * 5000}, ["description"]),
        ({"filter": {"or": [{"id": {"eq": UNKNOWN}}] * 51}}, ["filter", "or"]),
    ],
)
async def test_a_wrong_search_names_the_field(alice, body, path):
    answer = await alice.post("/api/search/metadata", body)

    assert (answer.status, answer.message) == (400, "Validation failed")
    assert [issue["path"] for issue in answer.json["errors"]] == [path]


@pytest.mark.parametrize(
    "filter_", [{"colour": {"eq": "x"}}, {"or": [{"or": [{"id": {"eq": UNKNOWN}}]}]}]
)
async def test_an_unknown_condition_is_refused(alice, filter_):
    answer = await alice.post("/api/search/metadata", {"filter": filter_})

    assert (answer.status, answer.message) == (400, "Validation failed")


async def test_a_search_has_not_too_many_conditions(alice):
    branch = {"rating": {name: 3 for name in ("eq", "ne", "lt", "gt", "lte")}}

    for count, status in ((40, 200), (41, 400)):
        answer = await alice.post("/api/search/metadata", {"filter": {"or": [branch] * count}})
        assert answer.status == status, answer.data


def schema(name):
    spec = json.loads(contract.SPEC.read_text())["components"]["schemas"]
    return spec[name]["properties"], spec


@contract.needed
@pytest.mark.parametrize(
    ("struct", "name"),
    [
        (search_body.MetadataSearch, "MetadataSearchDto"),
        (search_body.RandomSearch, "RandomSearchDto"),
        (search_body.StatisticsSearch, "StatisticsSearchDto"),
        (search_body.SmartSearch, "SmartSearchDto"),
    ],
)
def test_a_search_may_say_what_the_contract_lets_it(struct, name):
    properties, _ = schema(name)
    fields = {field.encode_name: field.name for field in msgspec.structs.fields(struct)}

    assert set(fields) == set(properties)
    deprecated = {name for name, one in properties.items() if one.get("deprecated")}
    assert deprecated == {name for name in properties if fields[name] in DEPRECATED}


def sample(one):
    """A value that a schema allows."""
    if one["type"] == "array":
        return [sample(one["items"])]
    if "enum" in one:
        return one["enum"][0]
    if one["type"] in ("number", "boolean"):
        return {"number": 1.5, "boolean": True}[one["type"]]
    return {"uuid": UNKNOWN, "date-time": "2020-01-01T00:00:00Z"}.get(one.get("format"), "x")


@contract.needed
async def test_every_condition_of_the_contract_is_understood(alice, unlocked):
    client = await unlocked(alice)
    properties, spec = schema("SearchFilter")
    for field, reference in properties.items():
        if field in ("or", "albumIds"):
            continue
        operators = spec[reference["$ref"].rpartition("/")[2]]["properties"]
        for operator, one in operators.items():
            if "$ref" in one:
                one = spec[one["$ref"].rpartition("/")[2]]
            if "$ref" in one.get("items", {}):
                one = one | {"items": spec[one["items"]["$ref"].rpartition("/")[2]]}
            values = [sample(one)] + [None] * one.get("nullable", False)
            for condition in ({operator: value} for value in values):
                for filter_ in ({field: condition}, {"or": [{field: condition}]}):
                    answer = await client.post("/api/search/statistics", {"filter": filter_})
                    assert (answer.status, answer.json) == (200, {"total": 0}), filter_
