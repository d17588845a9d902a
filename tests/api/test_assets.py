"""/assets: what is shown, changed, counted, thrown away, and who may."""

from __future__ import annotations

import io
import json
from uuid import uuid4

import pytest

from server.api.assets import _zones
from server.context import CONTEXT
from sync import log
from sync.config import Config, Trash
from tests import contract

PHOTO = b"\xff\xd8\xff" + bytes(range(256))
VIDEO = b"\0\0\0\x18ftypmp42" + bytes(range(256))
UNKNOWN = "3f2b8c1e-5d74-4a96-8e0b-6c1f9a2d7e53"


@pytest.fixture
def add(alice):
    """Upload of Alice's; its id."""
    count = iter(range(10_000))

    async def add(name="a.jpg", client=alice, **fields):
        data = (VIDEO if name.endswith(("mp4", "mov")) else PHOTO) + b"%d" % next(count)
        answer = await client.upload(data, name, **fields)
        assert answer.status == 201, answer.data
        return answer.json["id"]

    return add


async def show(client, asset_id):
    answer = await client.get(f"/api/assets/{asset_id}")
    assert answer.status == 200, answer.data
    return answer.json


@contract.needed
async def test_an_asset_is_shown_as_the_contract_says(alice, add):
    shown = await show(alice, await add())

    contract.assert_matches("GET", "/assets/{id}", 200, shown, with_undeclared=False)
    assert shown["hasMetadata"] is True
    assert (shown["people"], shown["tags"], shown["stack"]) == ([], [], None)
    assert shown["ownerId"] == alice.user["id"]


async def test_an_asset_says_whose_it_is(alice, bob, add):
    photo = await add()
    await alice.post("/api/partners", {"sharedWithId": bob.user["id"]})
    for viewer in (alice, bob):
        owner = (await viewer.get(f"/api/assets/{photo}")).json["owner"]
        assert (owner["id"], owner["email"]) == (alice.user["id"], alice.user["email"])


async def test_changes_are_shown_and_synced(alice, add, following):
    asset_id = await add()

    answer = await alice.put(
        f"/api/assets/{asset_id}",
        {
            "description": "Ä cat",
            "latitude": 48,
            "longitude": -16.5,
            "rating": 5,
            "isFavorite": True,
            "visibility": "archive",
            "dateTimeOriginal": "2020-02-29T23:30:00.000+05:30",
        },
    )

    assert answer.status == 200
    shown = answer.json
    assert shown == await show(alice, asset_id)
    assert (shown["isFavorite"], shown["isArchived"], shown["visibility"]) == (
        True, True, "archive",
    )  # fmt: skip
    assert shown["fileCreatedAt"] == "2020-02-29T18:00:00.000Z"
    assert shown["localDateTime"] == "2020-02-29T23:30:00.000Z"
    exif = shown["exifInfo"]
    assert (exif["description"], exif["rating"]) == ("Ä cat", 5)
    assert (exif["latitude"], exif["longitude"]) == (48, -16.5)
    assert exif["dateTimeOriginal"] == "2020-02-29T18:00:00.000Z"
    assert exif["timeZone"] == "UTC+5:30"
    rows = await following()
    assert rows["asset"][(asset_id,)]["localDateTime"] == shown["localDateTime"]
    assert rows["exif"][(asset_id,)]["rating"] == 5


@pytest.mark.parametrize("none", [None, 0, -1])
async def test_a_rating_can_be_taken_back(alice, add, none):
    asset_id = await add()
    await alice.put(f"/api/assets/{asset_id}", {"rating": 3})

    answer = await alice.put(f"/api/assets/{asset_id}", {"rating": none})

    assert answer.json["exifInfo"]["rating"] is None


async def test_what_is_not_said_stays(alice, add):
    asset_id = await add(isFavorite="true")
    await alice.put(f"/api/assets/{asset_id}", {"description": "x", "rating": 2})
    before = await show(alice, asset_id)

    answer = await alice.call("PATCH", f"/api/assets/{asset_id}", json={"unknown": 1})

    assert answer.status == 200
    assert answer.json | {"updatedAt": ""} == before | {"updatedAt": ""}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"rating": 6}, ["rating"]),
        ({"rating": 1.5}, ["rating"]),
        ({"isFavorite": None}, ["isFavorite"]),
        ({"isFavorite": "true"}, ["isFavorite"]),
        ({"visibility": "trash"}, ["visibility"]),
        ({"latitude": 91, "longitude": 0}, ["latitude"]),
        ({"latitude": 1}, ["latitude"]),
        ({"longitude": 1}, ["latitude"]),
        ({"dateTimeOriginal": "2020-01-01"}, ["dateTimeOriginal"]),
        ({"dateTimeOriginal": None}, ["dateTimeOriginal"]),
        ({"livePhotoVideoId": "x"}, ["livePhotoVideoId"]),
        ({"description": "\0"}, ["description"]),
    ],
)
async def test_a_wrong_change_names_the_field(alice, add, body, path):
    asset_id = await add()

    for answer in (
        await alice.put(f"/api/assets/{asset_id}", body),
        await alice.put("/api/assets", body | {"ids": [asset_id]}),
    ):
        if "livePhotoVideoId" in body and answer.status == 204:
            continue  # of a live photo only one can be changed
        assert (answer.status, answer.message) == (400, "Validation failed")
        assert [issue["path"] for issue in answer.json["errors"]] == [path]


async def test_a_live_photo_is_linked_and_parted(alice, add, following):
    still, first, second = await add(), await add("a.mov"), await add("b.mov")

    answer = await alice.put(f"/api/assets/{still}", {"livePhotoVideoId": first})
    assert answer.json["livePhotoVideoId"] == first
    assert (await show(alice, first))["visibility"] == "hidden"

    await alice.put(f"/api/assets/{still}", {"livePhotoVideoId": second})
    assert (await show(alice, first))["visibility"] == "timeline"
    assert (await show(alice, second))["visibility"] == "hidden"
    await following()

    await alice.put(f"/api/assets/{still}", {"livePhotoVideoId": None, "visibility": "archive"})
    assert (await show(alice, still))["livePhotoVideoId"] is None
    assert (await show(alice, second))["visibility"] == "archive"


async def test_what_cannot_be_linked(alice, bob, add):
    still, other, his = await add(), await add(), await add("a.mov", bob)

    for video_id, message in [
        (UNKNOWN, "Live photo video not found"),
        (other, "Live photo video must be a video"),
        (his, "Live photo video does not belong to the user"),
    ]:
        body = {"livePhotoVideoId": video_id, "description": "x"}
        answer = await alice.put(f"/api/assets/{still}", body)
        assert (answer.status, answer.message) == (400, message)
    assert (await show(alice, still))["exifInfo"]["description"] == ""


async def test_many_are_changed_at_once(alice, add, following, monkeypatch):
    monkeypatch.setattr(log, "IDS_MAX", 2)
    ids = [await add() for _ in range(5)]
    other = await add()

    answer = await alice.put(
        "/api/assets",
        {"ids": [*ids, ids[0]], "isFavorite": True, "description": "x", "duplicateId": None},
    )

    assert answer.status == 204
    for asset_id in ids:
        shown = await show(alice, asset_id)
        assert (shown["isFavorite"], shown["exifInfo"]["description"]) == (True, "x")
    assert (await show(alice, other))["isFavorite"] is False


async def test_dates_are_shifted_and_moved_to_another_zone(alice, add, following):
    first = await add(fileCreatedAt="2024-03-01T12:00:00Z")
    second = await add(fileCreatedAt="2024-07-01T12:00:00Z")
    await alice.put(
        "/api/assets", {"ids": [first], "dateTimeOriginal": "2024-03-01T13:00:00+01:00"}
    )

    answer = await alice.put(
        "/api/assets",
        {"ids": [first, second], "dateTimeRelative": -90, "timeZone": "Europe/Vienna"},
    )

    assert answer.status == 204
    shown = await show(alice, first)
    assert shown["fileCreatedAt"] == "2024-03-01T10:30:00.000Z"
    assert shown["localDateTime"] == "2024-03-01T11:30:00.000Z"
    assert shown["exifInfo"]["dateTimeOriginal"] == "2024-03-01T10:30:00.000Z"
    assert shown["exifInfo"]["timeZone"] == "Europe/Vienna"
    assert (await show(alice, second))["localDateTime"] == "2024-07-01T12:30:00.000Z"


async def test_dates_stay_in_the_calendar(alice, add):
    ids = [await add(), await add(fileCreatedAt="0001-01-01T05:00:00Z")]

    for body in ({"dateTimeRelative": -3000}, {"timeZone": "America/New_York"}):
        answer = await alice.put("/api/assets", {"ids": ids, **body})
        assert (answer.status, answer.message) == (400, "The dates would be out of the calendar")
    assert (await show(alice, ids[0]))["fileCreatedAt"] == "2024-05-06T07:08:09.000Z"
    assert (await show(alice, ids[1]))["fileCreatedAt"] == "0001-01-01T05:00:00.000Z"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"timeZone": "UTC+2"}, "timeZone"),
        ({"timeZone": "../etc/passwd"}, "timeZone"),
        ({"timeZone": "localtime"}, "timeZone"),
        ({"dateTimeRelative": 10**15}, "dateTimeRelative"),
        ({"dateTimeRelative": 10**30}, "dateTimeRelative"),
        ({"dateTimeRelative": 0.5}, "dateTimeRelative"),
        ({"ids": [str(n) for n in range(2)]}, "ids"),
        ({"ids": None}, "ids"),
    ],
)
async def test_a_wrong_bulk_change_names_the_field(alice, add, body, field):
    answer = await alice.put("/api/assets", {"ids": [await add()], **body})

    assert answer.status == 400
    assert {issue["path"][0] for issue in answer.json["errors"]} == {field}


@pytest.mark.parametrize(
    ("count", "message"),
    [(65_000, "Not found or no asset.update access"), (65_001, "Validation failed")],
)
async def test_so_many_can_be_changed_at_once(alice, count, message):
    body = json.dumps({"ids": [str(uuid4()) for _ in range(count)], "isFavorite": True})

    answer = await alice.call(
        "PUT",
        "/api/assets",
        data=io.BytesIO(body.encode()),
        headers={"Content-Type": "application/json"},
    )

    assert (answer.status, answer.message) == (400, message)


async def test_every_time_zone_can_be_set(alice, add):
    """Ours are Python's; Postgres must know them too."""
    asset_id = await add()
    for name in sorted(_zones())[::7]:
        answer = await alice.put("/api/assets", {"ids": [asset_id], "timeZone": name})
        assert answer.status == 204, (name, answer.data)


async def test_the_trash_keeps_what_can_come_back(alice, add, following):
    ids = [await add(), await add()]

    assert (await alice.delete("/api/assets", {"ids": ids})).status == 204

    assert [(await show(alice, one))["isTrashed"] for one in ids] == [True, True]
    rows = await following()
    assert all(row["deletedAt"] for row in rows["asset"].values())


@pytest.mark.parametrize("trash", ["force", "off"])
async def test_what_is_deleted_is_gone(alice, add, following, server, trash):
    ids = [await add(), await add()]
    await alice.put(f"/api/assets/{ids[0]}/metadata", {"items": [{"key": "a", "value": {}}]})
    await following()
    if trash == "off":
        server.app[CONTEXT].config = Config(trash=Trash(enabled=False))

    body = {"ids": ids, "force": True} if trash == "force" else {"ids": ids}
    assert (await alice.delete("/api/assets", body)).status == 204

    answer = await alice.get(f"/api/assets/{ids[0]}")
    assert (answer.status, answer.message) == (400, "Not found or no asset.read access")
    rows = await following()
    assert rows["asset"] == rows["exif"] == rows["asset_metadata"] == {}


async def test_a_still_takes_its_video_with_it(alice, add, following):
    video = await add("a.mov", visibility="hidden")
    first = await add(livePhotoVideoId=video)
    second = await add(livePhotoVideoId=video)

    await alice.delete("/api/assets", {"ids": [first], "force": True})
    assert (await alice.get(f"/api/assets/{video}")).status == 200
    await following()

    await alice.delete("/api/assets", {"ids": [second], "force": True})
    assert (await alice.get(f"/api/assets/{video}")).status == 400


async def test_a_video_that_goes_leaves_the_still(alice, add, following):
    video = await add("a.mov")
    still = await add(livePhotoVideoId=video)

    await alice.delete("/api/assets", {"ids": [video], "force": True})

    assert (await show(alice, still))["livePhotoVideoId"] is None


async def test_statistics_count_what_is_asked_for(alice, bob, add, unlocked):
    await add(isFavorite="true")
    await add("a.mp4")
    await add(visibility="archive")
    await add(visibility="hidden")
    await add(visibility="locked")
    await add(client=bob)
    await alice.delete("/api/assets", {"ids": [await add()]})

    async def count(client=alice, **query):
        answer = (await client.get("/api/assets/statistics", **query)).json
        assert answer["total"] == answer["images"] + answer["videos"]
        return answer["images"], answer["videos"]

    assert await count() == (2, 1)
    assert await count(isFavorite="true") == (1, 0)
    assert await count(isFavorite="false") == (1, 1)
    assert await count(isTrashed="true") == (1, 0)
    assert await count(visibility="archive") == (1, 0)
    assert await count(visibility="hidden") == (1, 0)
    refused = await alice.get("/api/assets/statistics", visibility="locked")
    assert (refused.status, refused.message) == (401, "Elevated permission is required")
    assert await count(await unlocked(alice), visibility="locked") == (1, 0)


@pytest.mark.parametrize(
    "query", [{"isFavorite": "1"}, {"isTrashed": "True"}, {"visibility": "all"}]
)
async def test_wrong_questions_for_statistics(alice, query):
    answer = await alice.get("/api/assets/statistics", **query)

    assert [issue["path"] for issue in answer.json["errors"]] == [list(query)]


async def test_apps_keep_their_own_with_an_asset(alice, add, following):
    asset_id = await add()
    path = f"/api/assets/{asset_id}/metadata"

    items = [{"key": "b/c d", "value": {"x": [1, {"é": None}]}}, {"key": "a", "value": {}}]
    put = await alice.put(path, {"items": items})
    assert put.status == 200
    assert {row["key"]: row["value"] for row in put.json} == {
        "a": {}, "b/c d": {"x": [1, {"é": None}]},
    }  # fmt: skip
    assert (await alice.get(path)).json == sorted(put.json, key=lambda row: row["key"])
    (one,) = [row for row in put.json if row["key"] == "a"]
    assert (await alice.get(f"{path}/a")).json == one
    assert (await alice.get(f"{path}/b%2Fc%20d")).json["key"] == "b/c d"
    rows = await following()
    assert rows["asset_metadata"][(asset_id, "a")]["value"] == {}

    assert (await alice.delete(f"{path}/a")).status == 204
    answer = await alice.get(f"{path}/a")
    assert answer.status == 400
    assert answer.message == f'Metadata with key "a" not found for asset with id "{asset_id}"'


async def test_apps_keep_their_own_with_many_assets(alice, add, following, monkeypatch):
    monkeypatch.setattr(log, "IDS_MAX", 2)
    ids = [await add() for _ in range(3)]
    items = [{"assetId": one, "key": "mobile-app", "value": {"n": n}} for n, one in enumerate(ids)]

    answer = await alice.put("/api/assets/metadata", {"items": items})

    assert answer.status == 200
    assert [(row["assetId"], row["value"]["n"]) for row in answer.json] == [
        (one, n) for n, one in enumerate(ids)
    ]
    await following()
    gone = {"items": [{"assetId": one, "key": "mobile-app"} for one in ids[:2]]}
    assert (await alice.delete("/api/assets/metadata", gone)).status == 204
    assert list((await following())["asset_metadata"]) == [(ids[2], "mobile-app")]


async def test_the_locked_folder_opens_for_an_unlocked_session_only(
    alice, add, unlocked, new_key, following
):
    asset_id = await add()
    answer = await alice.put(f"/api/assets/{asset_id}", {"visibility": "locked"})
    assert (answer.status, answer.json["visibility"]) == (200, "locked")

    for client in (alice, await new_key(alice, "all")):
        for call in requests(asset_id):
            answer = await client.call(*call[:2], json=call[2])
            assert answer.status == 400, call
            assert answer.message.startswith("Not found or no asset."), call
    elevated = await unlocked(alice)
    assert (await show(elevated, asset_id))["visibility"] == "locked"
    answer = await elevated.put(f"/api/assets/{asset_id}", {"visibility": "timeline"})
    assert answer.status == 200
    await show(alice, asset_id)


def requests(asset_id):
    """Every operation that names an asset: method, path, body, permission."""
    path = f"/api/assets/{asset_id}"
    item = {"assetId": asset_id, "key": "a"}
    return [
        ("GET", path, None, "asset.read"),
        ("PUT", path, {"isFavorite": True}, "asset.update"),
        ("PATCH", path, {"isFavorite": True}, "asset.update"),
        ("PUT", path, {"livePhotoVideoId": None}, "asset.update"),
        ("PUT", "/api/assets", {"ids": [asset_id], "isFavorite": True}, "asset.update"),
        ("PATCH", "/api/assets", {"ids": [asset_id], "isFavorite": True}, "asset.update"),
        ("DELETE", "/api/assets", {"ids": [asset_id]}, "asset.delete"),
        ("DELETE", "/api/assets", {"ids": [asset_id], "force": True}, "asset.delete"),
        ("GET", f"{path}/metadata", None, "asset.read"),
        ("PUT", f"{path}/metadata", {"items": [{"key": "a", "value": {}}]}, "asset.update"),
        ("GET", f"{path}/metadata/a", None, "asset.read"),
        ("DELETE", f"{path}/metadata/a", None, "asset.update"),
        ("PUT", "/api/assets/metadata", {"items": [{**item, "value": {}}]}, "asset.update"),
        ("DELETE", "/api/assets/metadata", {"items": [item]}, "asset.update"),
        ("POST", "/api/trash/restore/assets", {"ids": [asset_id]}, "asset.delete"),
    ]


async def test_nobody_else_gets_anywhere(alice, bob, add, anonymous, new_key):
    asset_id = await add()
    before = await show(alice, asset_id)
    narrow = await new_key(alice, "asset.upload")

    for method, path, body, permission in requests(asset_id):
        his = await bob.call(method, path, json=body)
        assert (his.status, his.message) == (400, f"Not found or no {permission} access"), path
        nobodys = await anonymous.call(method, path, json=body)
        assert (nobodys.status, nobodys.message) == (401, "Authentication required"), path
        refused = await narrow.call(method, path, json=body)
        message = f"Missing required permission: {permission}"
        assert (refused.status, refused.message) == (403, message), path
    statistics = await narrow.get("/api/assets/statistics")
    assert statistics.message == "Missing required permission: asset.statistics"
    assert (await anonymous.get("/api/assets/statistics")).status == 401
    assert await show(alice, asset_id) == before


async def test_what_is_missing_looks_like_what_is_anothers(alice):
    for method, path, body, permission in requests(UNKNOWN):
        answer = await alice.call(method, path, json=body)
        assert (answer.status, answer.message) == (400, f"Not found or no {permission} access")


async def test_one_that_is_not_allowed_stops_all(alice, bob, add, monkeypatch):
    monkeypatch.setattr(log, "IDS_MAX", 1)  # Each in a transaction of its own.
    mine, his = await add(), await add(client=bob)
    trashed = await add()
    await alice.delete("/api/assets", {"ids": [trashed]})
    items = [{"assetId": one, "key": "a", "value": {}} for one in (mine, his)]

    for method, path, body in [
        ("PUT", "/api/assets", {"isFavorite": True}),
        ("DELETE", "/api/assets", {}),
        ("DELETE", "/api/assets", {"force": True}),
        ("PUT", "/api/assets/metadata", {"items": items}),
        ("POST", "/api/trash/restore/assets", {"ids": [trashed, his]}),
    ]:
        answer = await alice.call(method, path, json={"ids": [mine, his], **body})
        assert answer.status == 400
    assert (await show(alice, trashed))["isTrashed"] is True
    assert (await alice.get(f"/api/assets/{mine}/metadata")).json == []
    shown = await show(alice, mine)
    assert (shown["isFavorite"], shown["isTrashed"]) == (False, False)


async def test_a_key_with_the_permission_gets_in(alice, add, new_key):
    for method, path, body, permission in requests(await add()):
        if ("metadata/a" in path and method == "GET") or "force" in (body or {}):
            continue
        key = await new_key(alice, permission)
        answer = await key.call(method, path, json=body)
        assert answer.status in (200, 204), (method, path, answer.data)


@pytest.mark.parametrize("bad", ["1", "01890a5d-ac96-774b-bcce-b302099a8057", UNKNOWN + "0"])
async def test_ids_are_of_version_4(alice, bad):
    answer = await alice.get(f"/api/assets/{bad}")

    assert (answer.status, answer.message) == (400, "Validation failed")
    assert answer.json["errors"][0]["path"] == ["id"]
