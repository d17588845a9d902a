"""/people: who is listed in which order, what is said of them, and who may say it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from sync import log
from tests import contract

UNKNOWN = str(uuid4())
NOT_UPDATED = "Not found or no person.update access"


async def listed(client, **query):
    answer = await client.get("/api/people", **query)
    assert answer.status == 200, answer.data
    return [person["name"] for person in answer.json["people"]]


async def counts(client):
    found = (await client.get("/api/people")).json
    return found["total"], found["hidden"]


async def shown(client, person_id):
    answer = await client.get(f"/api/people/{person_id}")
    assert answer.status == 200, answer.data
    return answer.json


@pytest.fixture
async def family(add, new_person, see):
    """Name → person, made in this order, each seen in so many of four pictures."""
    assets = [await add() for _ in range(4)]
    seen = {
        "hidden": (1, {"isHidden": True}),
        "Charlie": (1, {}),
        "Bob": (2, {}),
        "Alice": (1, {}),
        "": (3, {}),
        "nobody much": (0, {}),
        "Bill": (1, {"isFavorite": True}),
        "Freddy": (2, {"isFavorite": True}),
    }
    people = {}
    for name, (count, details) in seen.items():
        people[name] = await new_person(name, **details)
        for asset_id in assets[:count]:
            await see(people[name], asset_id)
    people["stranger in the background"] = await new_person("")
    for asset_id in assets[:2]:
        await see(people["stranger in the background"], asset_id)
    return people


# The list.


@contract.needed
async def test_people_are_listed_as_the_contract_says(alice, family):
    answer = await alice.get("/api/people")

    contract.assert_matches("GET", "/people", 200, answer.json, with_undeclared=False)
    assert answer.json["hasNextPage"] is False


async def test_favourites_come_first_then_named_then_often_seen_and_hidden_last(alice, family):
    usual = ["Freddy", "Bill", "Bob", "Alice", "Charlie", ""]

    assert await listed(alice) == usual
    assert await listed(alice, withHidden="true") == [*usual, "hidden"]
    assert await counts(alice) == (8, 1)  # all who are seen anywhere


async def test_people_come_in_pages(alice, family):
    first = (await alice.get("/api/people", size="4", withHidden="true")).json
    second = (await alice.get("/api/people", size="4", page="2", withHidden="true")).json
    third = (await alice.get("/api/people", size="4", page="3")).json

    assert [len(page["people"]) for page in (first, second, third)] == [4, 3, 0]
    assert [page["hasNextPage"] for page in (first, second, third)] == [True, False, False]
    assert [page["total"] for page in (first, second, third)] == [8, 8, 8]
    ids = [person["id"] for page in (first, second) for person in page["people"]]
    assert len(set(ids)) == 7


async def test_how_often_somebody_without_a_name_must_be_seen_is_a_preference(alice, family):
    await alice.put("/api/users/me/preferences", {"people": {"minimumFaces": 2}})
    assert (await listed(alice)).count("") == 2
    await alice.put("/api/users/me/preferences", {"people": {"minimumFaces": 4}})
    assert (await listed(alice)).count("") == 0


@pytest.mark.parametrize("change", [{"visibility": "archive"}, {"visibility": "locked"}, None])
async def test_only_pictures_of_the_timeline_count(alice, add, new_person, see, change):
    asset_id = await add()
    anna = await new_person("Anna")
    await see(anna, asset_id)
    assert (await listed(alice), await counts(alice)) == (["Anna"], (1, 0))
    path = f"/api/people/{anna}/statistics"
    assert (await alice.get(path)).json == {"assets": 1}

    if change:
        assert (await alice.put("/api/assets", {"ids": [asset_id], **change})).status == 204
    else:
        assert (await alice.delete("/api/assets", {"ids": [asset_id]})).status == 204

    assert (await listed(alice), await counts(alice)) == ([], (0, 0))
    assert (await alice.get(path)).json == {"assets": 0}


async def test_a_picture_with_two_faces_of_one_is_one_picture(alice, add, new_person, see):
    anna = await new_person("Anna")
    first, second = await add(), await add()
    for asset_id in (first, first, second):
        await see(anna, asset_id)

    assert (await alice.get(f"/api/people/{anna}/statistics")).json == {"assets": 2}


async def test_others_are_not_listed(bob, family):
    assert (await listed(bob), await counts(bob)) == ([], (0, 0))


async def test_the_nearest_to_somebody_can_be_asked_for(alice, bob, family):
    near = await alice.get("/api/people", closestPersonId=family["Bob"])
    nobody = await alice.get("/api/people", closestPersonId=family["nobody much"])
    foreign = await bob.get("/api/people", closestPersonId=family["Bob"])

    assert len(near.json["people"]) == 6
    assert (nobody.status, nobody.message) == (404, "Person not found")
    assert (foreign.status, foreign.message) == (404, "Person not found")
    assert (await alice.get("/api/people", closestAssetId=UNKNOWN)).status == 200


@pytest.mark.parametrize(
    "query", [{"page": "0"}, {"size": "0"}, {"size": "1001"}, {"withHidden": "x"}, {"page": "x"}]
)
async def test_a_wrong_question_is_told_what_is_wrong(alice, query):
    answer = await alice.get("/api/people", **query)

    assert (answer.status, answer.message) == (400, "Validation failed")
    assert [issue["path"] for issue in answer.json["errors"]] == [list(query)]


@pytest.mark.parametrize("page", [33, 2**22, 2**53 - 1])
async def test_a_page_far_beyond_is_empty(alice, family, page):
    answer = await alice.get("/api/people", page=str(page), size="1000")

    assert (answer.status, answer.json["people"], answer.json["total"]) == (200, [], 8)


# What is said of them.


@contract.needed
async def test_a_person_is_made_and_shown(alice, following):
    made = await alice.post(
        "/api/people",
        {"name": "Anna", "birthDate": "1990-01-02", "color": "fff", "isFavorite": True},
    )

    contract.assert_matches("POST", "/people", 201, made.json, with_undeclared=False)
    about = {key: made.json[key] for key in made.json.keys() - {"id", "updatedAt"}}
    assert about == {
        "name": "Anna",
        "birthDate": "1990-01-02",
        "color": "#fff",
        "isFavorite": True,
        "isHidden": False,
        "thumbnailPath": "",
    }
    assert await shown(alice, made.json["id"]) == made.json
    (row,) = (await following())["person"].values()
    assert (row["name"], row["birthDate"]) == ("Anna", "1990-01-02T00:00:00.000Z")


async def test_a_person_needs_nothing(alice):
    made = (await alice.post("/api/people", {})).json

    assert (made["name"], made["birthDate"], "color" in made) == ("", None, False)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_only_what_is_given_changes(alice, new_person, following, method):
    anna = await new_person("Anna", birthDate="1990-01-02", color="#123")

    async def change(**changes):
        answer = await alice.call(method, f"/api/people/{anna}", json=changes)
        assert answer.status == 200, answer.data
        return answer.json

    changed = await change(name="Anne", isHidden=True)
    assert (changed["name"], changed["isHidden"]) == ("Anne", True)
    assert (changed["birthDate"], changed["color"]) == ("1990-01-02", "#123")
    assert (await change(birthDate=None))["birthDate"] is None
    changed = await change(color=None, isFavorite=True)
    assert ("color" in changed, changed["isFavorite"], changed["name"]) == (False, True, "Anne")
    assert await change(name="") == {**await shown(alice, anna), "name": ""}
    await following()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"birthDate": "1990-02-30"}, "Invalid ISO date"),
        ({"birthDate": "19900203"}, "Invalid ISO date"),
        ({"birthDate": "1990-01-02T00:00:00.000Z"}, "Invalid ISO date"),
        ({"birthDate": str((datetime.now(UTC) + timedelta(days=2)).date())},
         "Birth date cannot be in the future"),
        ({"color": "red"}, None),
        ({"name": None}, None),
        ({"isHidden": "yes"}, None),
    ],
)  # fmt: skip
async def test_nonsense_of_a_person_is_refused(alice, new_person, body, message):
    anna = await new_person("Anna")
    before = await shown(alice, anna)

    made = await alice.post("/api/people", body)
    changed = await alice.put(f"/api/people/{anna}", body)
    many = await alice.put("/api/people", {"people": [{"id": anna}, {"id": anna, **body}]})

    for answer, path in ((made, []), (changed, []), (many, ["people", 1])):
        assert (answer.status, answer.message) == (400, "Validation failed")
        (issue,) = answer.json["errors"]
        assert issue["path"] == [*path, *body]
        assert message in (None, issue["message"])
    assert await shown(alice, anna) == before


async def test_who_is_born_today_is_welcome(alice, new_person):
    today = str(datetime.now(UTC).date())

    assert (await shown(alice, await new_person(birthDate=today)))["birthDate"] == today


async def test_another_face_stands_for_a_person(alice, bob, add, new_person, see, following, query):
    anna = await new_person("Anna")
    first, second, third = await add(), await add(), await add()
    await see(anna, first)
    face_id = await see(anna, second)

    async def feature(asset_id):
        return await alice.put(f"/api/people/{anna}", {"featureFaceAssetId": asset_id})

    answer = await feature(second)
    unseen = await feature(third)
    unknown = await feature(UNKNOWN)
    foreign = await feature(await add(client=bob))

    assert answer.status == 200
    assert unseen.message == "Invalid assetId for feature face or asset is offline"
    for refused in (unknown, foreign):
        assert refused.message == "Not found or no asset.read access"
    assert {unseen.status, unknown.status, foreign.status} == {400}
    (row,) = await query("SELECT face_id FROM person")
    assert row["face_id"] == UUID(face_id)
    (person,) = (await following())["person"].values()
    assert person["faceAssetId"] == face_id


# Many at once.


async def test_many_are_changed_and_each_is_answered(
    alice, bob, add, new_person, see, following, monkeypatch
):
    monkeypatch.setattr(log, "IDS_MAX", 2)
    people = [await new_person(f"{n}", color="#123") for n in range(5)]
    foreign = await new_person("Bert", client=bob)
    asset_id = await add()
    await see(people[0], asset_id)

    answer = await alice.put(
        "/api/people",
        {
            "people": [
                {"id": people[0], "featureFaceAssetId": asset_id, "name": "shown"},
                {"id": people[1], "featureFaceAssetId": asset_id, "name": "not there"},
                {"id": foreign, "name": "mine"},
                {"id": UNKNOWN, "isHidden": True},
                {"id": people[2], "isHidden": True, "name": "once"},
                {"id": people[3], "birthDate": "1990-01-02"},
                {"id": people[4], "isFavorite": True, "color": None},
                {"id": people[2], "name": "twice"},
            ]
        },
    )

    assert answer.status == 200
    failed = {"success": False, "error": "unknown"}
    assert answer.json == [
        {"id": people[0], "success": True},
        {"id": people[1], **failed},
        {"id": foreign, **failed},
        {"id": UNKNOWN, **failed},
        {"id": people[2], "success": True},
        {"id": people[3], "success": True},
        {"id": people[4], "success": True},
        {"id": people[2], "success": True},
    ]
    now = [await shown(alice, person) for person in people]
    assert [person["name"] for person in now] == ["shown", "1", "twice", "3", "4"]
    assert [person["isHidden"] for person in now] == [False, False, True, False, False]
    assert [person.get("color") for person in now] == ["#123"] * 4 + [None]
    assert now[3]["birthDate"] == "1990-01-02"
    assert (await shown(bob, foreign))["name"] == "Bert"
    await following()


async def test_many_are_deleted_and_their_faces_are_nobodys(
    alice, add, new_person, see, following, monkeypatch
):
    monkeypatch.setattr(log, "IDS_MAX", 2)
    people = [await new_person(f"{n}") for n in range(5)]
    asset_id = await add()
    for person in people:
        await see(person, asset_id)

    answer = await alice.delete("/api/people", {"ids": [*people[:3], people[0]]})
    one = await alice.delete(f"/api/people/{people[3]}")

    assert (answer.status, one.status) == (204, 204)
    assert await listed(alice) == ["4"]
    faces = (await alice.get("/api/faces", id=asset_id)).json
    assert sorted((face["person"] or {}).get("name", "") for face in faces) == [""] * 4 + ["4"]
    assert len((await following())["person"]) == 1


async def test_who_is_seen_everywhere_goes_in_several_turns(
    alice, add, new_person, see, following, monkeypatch, query
):
    monkeypatch.setattr(log, "IDS_MAX", 2)
    anna, anne, asset_id = await new_person("Anna"), await new_person(""), await add()
    found = {await see(anna, asset_id) for _ in range(7)}

    merged = await alice.post("/api/people/merge", {"ids": [anne, anna]})
    rows = await following()
    assert merged.json == [{"id": anna, "success": True}]
    assert {key: row["personId"] for (key,), row in rows["face"].items()} == dict.fromkeys(
        found, anne
    )
    assert (await alice.delete(f"/api/people/{anne}")).status == 204

    rows = await following()
    assert {key: row["personId"] for (key,), row in rows["face"].items()} == dict.fromkeys(found)
    (longest,) = await query(
        "SELECT max(cardinality(entity_ids)) FROM log WHERE topic LIKE '%%face%%'"
    )
    assert longest["max"] <= 2


async def test_all_or_none_are_deleted(alice, bob, new_person):
    anna, foreign = await new_person("Anna"), await new_person("Bert", client=bob)

    for other in (foreign, UNKNOWN):
        answer = await alice.delete("/api/people", {"ids": [anna, other]})
        assert (answer.status, answer.message) == (400, "Not found or no person.delete access")

    await shown(alice, anna)
    await shown(bob, foreign)


# Who may.


OPERATIONS = [
    ("GET", "", None, "person.read"),
    ("GET", "/statistics", None, "person.statistics"),
    ("GET", "/thumbnail", None, "person.read"),
    ("PUT", "", {"name": "x"}, "person.update"),
    ("DELETE", "", None, "person.delete"),
    ("POST", "/merge", {"ids": [UNKNOWN]}, "person.merge"),
    ("PUT", "/reassign", {"data": []}, "person.reassign"),
]
ASKED = {"person.statistics": "person.read", "person.reassign": "person.update"}


@pytest.mark.parametrize(("method", "path", "body", "permission"), OPERATIONS)
async def test_a_person_is_nobody_elses(
    alice, bob, admin, anonymous, new_key, new_person, method, path, body, permission
):
    anna = await new_person("Anna")
    path = f"/api/people/{anna}{path}"
    assert (await alice.post("/api/partners", {"sharedWithId": bob.user["id"]})).status == 201

    for other in (bob, admin):  # a partner, and an administrator
        answer = await other.call(method, path, json=body)
        needed = ASKED.get(permission, permission)
        refused = (400, f"Not found or no {needed} access")
        if path.endswith("/thumbnail"):  # A file that may not be had is not there, as in Immich.
            refused = (404, "Not Found")
        assert (answer.status, answer.message) == refused
    nobodys = await anonymous.call(method, path, json=body)
    assert (nobodys.status, nobodys.message) == (401, "Authentication required")
    narrow = await (await new_key(alice, "asset.read")).call(method, path, json=body)
    assert narrow.message == f"Missing required permission: {permission}"
    assert narrow.status == 403
    assert (await shown(alice, anna))["name"] == "Anna"
    allowed = await (await new_key(alice, permission)).call(method, path, json=body)
    assert allowed.status in (200, 204, 404)


@pytest.mark.parametrize(
    ("method", "path", "body", "permission"),
    [
        ("GET", "", None, "person.read"),
        ("POST", "", {}, "person.create"),
        ("PUT", "", {"people": []}, "person.update"),
        ("DELETE", "", {"ids": []}, "person.delete"),
        ("POST", "/merge", {"ids": [UNKNOWN, str(uuid4())]}, "person.merge"),
    ],
)
async def test_who_may_ask_for_people(
    alice, anonymous, add, share, visit, new_key, method, path, body, permission
):
    path = f"/api/people{path}"
    link = visit(await share(assetIds=[await add()]))

    assert (await anonymous.call(method, path, json=body)).status == 401
    assert (await link.call(method, path, json=body)).status == 403
    narrow = await (await new_key(alice, "asset.read")).call(method, path, json=body)
    assert (narrow.status, narrow.message) == (403, f"Missing required permission: {permission}")
    allowed = await (await new_key(alice, permission)).call(method, path, json=body)
    assert allowed.status in (200, 201, 204)
