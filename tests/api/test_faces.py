"""/faces: where they are, whose they are, and who sees and says so."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests import contract
from tests.fix_people import BOX

UNKNOWN = str(uuid4())
NOT_SEEN = "Not found or no asset.read access"


async def faces(client, asset_id):
    answer = await client.get("/api/faces", id=asset_id)
    assert answer.status == 200, answer.data
    return answer.json


@contract.needed
async def test_a_face_is_drawn_and_shown_as_the_contract_says(
    alice, add, new_person, see, following
):
    anna, asset_id = await new_person("Anna"), await add()

    face_id = await see(anna, asset_id)

    answer = await alice.get("/api/faces", id=asset_id)
    contract.assert_matches("GET", "/faces", 200, answer.json, with_undeclared=False)
    person = (await alice.get(f"/api/people/{anna}")).json
    assert answer.json == [
        {
            "id": face_id,
            "imageWidth": 400,
            "imageHeight": 300,
            "boundingBoxX1": 100,
            "boundingBoxY1": 60,
            "boundingBoxX2": 180,
            "boundingBoxY2": 160,
            "sourceType": "manual",
            "person": person,
        }
    ]
    rows = await following()
    assert rows["face"][(face_id,)]["personId"] == anna
    assert rows["person"][(anna,)]["faceAssetId"] == face_id
    shown = (await alice.get(f"/api/assets/{asset_id}")).json
    assert [one["id"] for one in shown["people"]] == [anna]


async def test_faces_come_from_left_to_right(add, alice, new_person, see):
    anna, asset_id = await new_person("Anna"), await add()

    for x in (200, -10, 90):
        await see(anna, asset_id, x=x)

    assert [face["boundingBoxX1"] for face in await faces(alice, asset_id)] == [-10, 90, 200]


async def test_a_face_may_be_anywhere(add, alice, new_person, see):
    most, asset_id = 2**30 - 1, await add()

    await see(await new_person("Anna"), asset_id, x=most, y=-most, width=most, height=most)

    (face,) = await faces(alice, asset_id)
    assert (face["boundingBoxX2"], face["boundingBoxY2"]) == (2 * most, 0)


async def test_a_picture_without_faces_has_none(alice, add):
    assert await faces(alice, await add()) == []


@pytest.mark.parametrize("field", ["assetId", "personId", *BOX])
@pytest.mark.parametrize("wrong", [None, "x", 1.5, ...])
async def test_a_face_must_be_described(alice, add, new_person, field, wrong):
    asset_id = await add()
    body = {"assetId": asset_id, "personId": await new_person("Anna"), **BOX, field: wrong}
    if wrong is ...:
        del body[field]

    answer = await alice.post("/api/faces", body)

    assert (answer.status, answer.message) == (400, "Validation failed")
    assert [issue["path"] for issue in answer.json["errors"]] == [[field]]
    assert await faces(alice, asset_id) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("imageWidth", 0), ("imageHeight", -1), ("width", 0), ("height", -5), ("x", 2**40)],
)
async def test_a_face_must_have_a_place(alice, add, new_person, field, value):
    body = {"assetId": await add(), "personId": await new_person("Anna"), **BOX, field: value}

    answer = await alice.post("/api/faces", body)

    assert (answer.status, answer.message) == (400, "Validation failed")


async def test_a_face_is_drawn_in_ones_own_picture_of_ones_own_person(
    alice, bob, add, new_person, share_library
):
    anna, bert = await new_person("Anna"), await new_person("Bert", client=bob)
    asset_id, foreign = await add(), await add(client=bob)
    await share_library(bob, alice)

    async def draw(asset_id, person_id):
        body = {"assetId": asset_id, "personId": person_id, **BOX}
        answer = await alice.post("/api/faces", body)
        assert answer.status == 400
        return answer.message

    for unchangeable in (foreign, UNKNOWN):
        assert await draw(unchangeable, anna) == "Not found or no asset.update access"
    for stranger in (bert, UNKNOWN):
        assert await draw(asset_id, stranger) == "Not found or no person.read access"
    assert await faces(alice, asset_id) == []


@pytest.fixture
def share_library():
    """One shares all with another."""

    async def share_library(owner, other):
        answer = await owner.post("/api/partners", {"sharedWithId": other.user["id"]})
        assert answer.status == 201, answer.data

    return share_library


# In pictures that are shown edited.

CROP = {"action": "crop", "parameters": {"x": 50, "y": 40, "width": 200, "height": 150}}
BOXES = {  # what is at (100, 60) to (180, 160) of 400 x 300, after edits
    "rotate 90": ([{"action": "rotate", "parameters": {"angle": 90}}], (300, 400),
                  (140, 100, 240, 180)),
    "rotate 180": ([{"action": "rotate", "parameters": {"angle": 180}}], (400, 300),
                   (220, 140, 300, 240)),
    "rotate 270": ([{"action": "rotate", "parameters": {"angle": 270}}], (300, 400),
                   (60, 220, 160, 300)),
    "mirror": ([{"action": "mirror", "parameters": {"axis": "horizontal"}}], (400, 300),
               (220, 60, 300, 160)),
    "upside down": ([{"action": "mirror", "parameters": {"axis": "vertical"}}], (400, 300),
                    (100, 140, 180, 240)),
    "crop": ([CROP], (200, 150), (50, 20, 130, 120)),
    "crop and turn": ([CROP, {"action": "rotate", "parameters": {"angle": 90}},
                       {"action": "mirror", "parameters": {"axis": "horizontal"}}], (150, 200),
                      (20, 50, 120, 130)),
}  # fmt: skip


@pytest.fixture
async def photo(add, execute):
    """A picture of 400 x 300, whose file says so."""
    asset_id = await add()
    await execute(
        "UPDATE asset_exif SET exif_image_width = 300, exif_image_height = 400, orientation = '6'"
    )
    return asset_id


def place(face):
    corners = ("boundingBoxX1", "boundingBoxY1", "boundingBoxX2", "boundingBoxY2")
    return (face["imageWidth"], face["imageHeight"]), tuple(face[name] for name in corners)


@pytest.mark.parametrize("name", BOXES)
async def test_a_face_is_where_edits_left_it(alice, photo, new_person, see, name):
    edits, size, corners = BOXES[name]
    await see(await new_person("Anna"), photo)

    answer = await alice.put(f"/api/assets/{photo}/edits", {"edits": edits})

    assert answer.status == 200, answer.data
    (face,) = await faces(alice, photo)
    assert place(face) == (size, corners)
    await alice.delete(f"/api/assets/{photo}/edits")
    (face,) = await faces(alice, photo)
    assert place(face) == ((400, 300), (100, 60, 180, 160))


@pytest.mark.parametrize("name", BOXES)
async def test_a_face_is_drawn_where_it_is_seen(alice, photo, new_person, see, name):
    edits, size, (x1, y1, x2, y2) = BOXES[name]
    await alice.put(f"/api/assets/{photo}/edits", {"edits": edits})

    width, height = (side * 2 for side in size)  # as large as the app shows it
    box = {"x": 2 * x1, "y": 2 * y1, "width": 2 * (x2 - x1), "height": 2 * (y2 - y1)}
    await see(await new_person("Anna"), photo, imageWidth=width, imageHeight=height, **box)

    (face,) = await faces(alice, photo)
    assert place(face) == (size, (x1, y1, x2, y2))
    await alice.delete(f"/api/assets/{photo}/edits")
    (face,) = await faces(alice, photo)
    assert place(face) == ((400, 300), (100, 60, 180, 160))


async def test_a_face_that_was_cut_away_is_not_shown(alice, photo, new_person, see):
    await see(await new_person("Anna"), photo, x=300)
    face_id = await see(await new_person("Bert"), photo)

    await alice.put(f"/api/assets/{photo}/edits", {"edits": [CROP]})

    assert [face["id"] for face in await faces(alice, photo)] == [face_id]


# Who sees them.


async def test_who_sees_a_picture_sees_faces_of_nobody_they_know(
    alice, bob, sign_in, add, new_person, see, share_library
):
    carol, dave = await sign_in("Carol"), await sign_in("Dave")
    asset_id, anna = await add(), await new_person("Anna")
    face_id = await see(anna, asset_id)
    await share_library(alice, bob)
    album = {
        "albumName": "a",
        "assetIds": [asset_id],
        "albumUsers": [{"userId": carol.user["id"], "role": "viewer"}],
    }
    assert (await alice.post("/api/albums", album)).status == 201

    for viewer in (bob, carol):
        assert [(face["id"], face["person"]) for face in await faces(viewer, asset_id)] == [
            (face_id, None)
        ]
    answer = await dave.get("/api/faces", id=asset_id)
    assert (answer.status, answer.message) == (400, NOT_SEEN)
    unknown = await alice.get("/api/faces", id=UNKNOWN)
    assert (unknown.status, unknown.message) == (400, NOT_SEEN)


async def test_faces_of_locked_pictures_are_seen_behind_the_pin_code(
    alice, add, new_person, see, unlocked
):
    asset_id, anna = await add(), await new_person("Anna")
    face_id = await see(anna, asset_id)
    await alice.put("/api/assets", {"ids": [asset_id], "visibility": "locked"})
    inside = await unlocked(alice)

    calls = [
        ("GET", f"/api/faces?id={asset_id}", None),
        ("POST", "/api/faces", {"assetId": asset_id, "personId": anna, **BOX}),
        ("PUT", f"/api/faces/{anna}", {"id": face_id}),
        ("PUT", f"/api/people/{anna}", {"featureFaceAssetId": asset_id}),
        ("DELETE", f"/api/faces/{face_id}", {"force": True}),
    ]
    for method, path, body in calls:
        assert (await alice.call(method, path, json=body)).status == 400
    for method, path, body in calls:
        assert (await inside.call(method, path, json=body)).status in (200, 201, 204)


async def test_an_id_is_needed(alice):
    for query in ({}, {"id": "x"}):
        answer = await alice.get("/api/faces", **query)
        assert (answer.status, answer.message) == (400, "Validation failed")


# Whose they are.


async def test_a_face_is_given_to_another(alice, add, new_person, see, following):
    anna, bert, asset_id = await new_person("Anna"), await new_person("Bert"), await add()
    face_id = await see(anna, asset_id)

    answer = await alice.put(f"/api/faces/{bert}", {"id": face_id})

    assert (answer.status, answer.json["id"], answer.json["name"]) == (200, bert, "Bert")
    (face,) = await faces(alice, asset_id)
    assert face["person"]["id"] == bert
    rows = await following()
    assert rows["face"][(face_id,)]["personId"] == bert
    assert [rows["person"][(id_,)]["faceAssetId"] for id_ in (anna, bert)] == [None, face_id]


@pytest.mark.parametrize("force", [True, False])
async def test_a_deleted_face_is_not_shown(alice, add, new_person, see, following, query, force):
    anna, asset_id = await new_person("Anna"), await add()
    face_id = await see(anna, asset_id)

    answer = await alice.delete(f"/api/faces/{face_id}", {"force": force})

    assert answer.status == 204
    assert await faces(alice, asset_id) == []
    assert (await alice.get(f"/api/people/{anna}/statistics")).json == {"assets": 0}
    assert len(await query("SELECT id FROM asset_face")) == (0 if force else 1)
    assert (await following())["person"][(anna,)]["faceAssetId"] is None


async def test_whether_a_face_is_to_be_forgotten_must_be_said(alice, add, new_person, see):
    asset_id = await add()
    face_id = await see(await new_person("Anna"), asset_id)

    for body in ({}, {"force": "yes"}, None):
        answer = await alice.call("DELETE", f"/api/faces/{face_id}", json=body)
        assert (answer.status, answer.message) == (400, "Validation failed")
    assert len(await faces(alice, asset_id)) == 1


async def test_a_face_is_changed_by_its_owner_only(alice, bob, add, new_person, see, share_library):
    anna, bert, asset_id = await new_person("Anna"), await new_person("B", client=bob), await add()
    face_id = await see(anna, asset_id)
    await share_library(alice, bob)

    for client, person, face, needed in (
        (bob, bert, face_id, "person.create"),
        (alice, bert, face_id, "person.update"),
        (alice, UNKNOWN, face_id, "person.update"),
        (alice, anna, UNKNOWN, "person.create"),
    ):
        answer = await client.put(f"/api/faces/{person}", {"id": face})
        assert (answer.status, answer.message) == (400, f"Not found or no {needed} access")
    for client, face in ((bob, face_id), (alice, UNKNOWN)):
        for force in (True, False):
            answer = await client.delete(f"/api/faces/{face}", {"force": force})
            assert answer.status == 400
            assert answer.message == "Not found or no face.delete access"
    (face,) = await faces(alice, asset_id)
    assert face["person"]["id"] == anna


@pytest.mark.parametrize(
    ("method", "path", "body", "permission"),
    [
        ("GET", "?id={asset}", None, "face.read"),
        ("POST", "", {**BOX, "assetId": "{asset}", "personId": "{person}"}, "face.create"),
        ("PUT", "/{person}", {"id": "{face}"}, "face.update"),
        ("DELETE", "/{face}", {"force": True}, "face.delete"),
    ],
)
async def test_who_may_touch_faces(
    alice, anonymous, add, new_person, see, share, visit, new_key, method, path, body, permission
):
    ids = {"asset": await add(), "person": await new_person("Anna")}
    ids["face"] = await see(ids["person"], ids["asset"])
    path = f"/api/faces{path.format(**ids)}"
    body = body and {
        key: value.format(**ids) if isinstance(value, str) else value for key, value in body.items()
    }

    nobodys = await anonymous.call(method, path, json=body)
    by_link = await visit(await share(assetIds=[ids["asset"]])).call(method, path, json=body)
    narrow = await (await new_key(alice, "asset.read", "person.read")).call(method, path, json=body)

    assert (nobodys.status, nobodys.message) == (401, "Authentication required")
    assert (by_link.status, by_link.message) == (403, "Forbidden")
    assert (narrow.status, narrow.message) == (403, f"Missing required permission: {permission}")
    assert len(await faces(alice, ids["asset"])) == 1
    allowed = await (await new_key(alice, permission)).call(method, path, json=body)
    assert allowed.status in (200, 201, 204)
