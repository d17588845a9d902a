"""/workflows: whose they are, and what they do when something happens to an asset."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from aiohttp.test_utils import TestServer

from server.app import build_app
from server.context import Context
from sync.config import Config
from sync.operations import renditions, workflows
from sync.stream import settle
from sync.worker import Superseded
from tests.sync.library import FOUND, until

UNKNOWN = str(uuid4())
FAVORITE = {"method": "immich-plugin-core#assetFavorite", "config": {}}


def step(name, enabled=True, **config):
    return {"method": f"immich-plugin-core#{name}", "config": config, "enabled": enabled}


@pytest.fixture
def make(alice):
    """`await make(steps...)`: a workflow of Alice's, if nobody else is named."""

    async def make(*steps, trigger="AssetCreate", client=alice, logging=True, **fields):
        body = {"trigger": trigger, "steps": steps, "logging": logging, **fields}
        answer = await client.post("/api/workflows", body)
        assert answer.status == 201, answer.data
        return answer.json

    return make


@pytest.fixture
def done(database, query):
    """Wait until all that was triggered was done."""

    async def done():
        waiting = "SELECT 1 FROM job WHERE queue = 'workflow' AND dead_at IS NULL"
        while True:
            await settle(database)
            if not await query(waiting):
                return
            await until(lambda: _is_empty(query, waiting))

    return done


async def _is_empty(query, statement):
    return not await query(statement)


@pytest.fixture
async def second_server(server, database, root):
    """Another on the same database."""
    async with TestServer(build_app(Context(database, root, None, Config()))) as other:
        yield other


@pytest.fixture
def logs(alice):
    async def logs(workflow, client=alice, **query):
        answer = await client.get(f"/api/workflows/{workflow['id']}/logs", **query)
        assert answer.status == 200, answer.data
        return answer.json

    return logs


async def shown(client, asset_id):
    return (await client.get(f"/api/assets/{asset_id}")).json


async def in_album(client, album_id):
    answer = await client.post("/api/search/metadata", {"albumIds": [album_id]})
    return {asset["id"] for asset in answer.json["assets"]["items"]}


async def test_a_workflow_is_made_changed_and_deleted(alice, make):
    made = await make(FAVORITE, name="a", description="b", logging=False)

    assert made["steps"] == [{**FAVORITE, "enabled": True}]
    assert (made["enabled"], made["logging"], made["trigger"]) == (True, False, "AssetCreate")
    path = f"/api/workflows/{made['id']}"
    assert (await alice.get(path)).json == made

    changed = await alice.put(path, {"name": None, "logging": True, "trigger": "AssetTagged"})
    assert changed.status == 200, changed.data
    later = {"name": None, "logging": True, "trigger": "AssetTagged"}
    assert {**changed.json, "updatedAt": ""} == {**made, **later, "updatedAt": ""}
    emptied = await alice.call("PATCH", path, json={"steps": [], "enabled": False})
    assert (emptied.json["steps"], emptied.json["enabled"]) == ([], False)
    assert emptied.json["description"] == "b"

    assert (await alice.delete(path)).status == 204
    gone = await alice.get(path)
    assert (gone.status, gone.message) == (400, "Not found or no workflow.read access")


async def test_workflows_are_found(alice, bob, make):
    one = await make(name="one", logging=False)
    two = await make(name="two", description="d", trigger="AssetTagged", enabled=False)
    await make(client=bob)

    async def found(**query):
        answer = await alice.get("/api/workflows", **query)
        assert answer.status == 200, answer.data
        return answer.json

    assert await found() == [one, two]
    assert await found(id=two["id"]) == [two]
    assert await found(name="one") == [one]
    assert await found(description="d") == [two]
    assert await found(enabled="true") == [one]
    assert await found(logging="true") == [two]
    assert await found(trigger="AssetTagged") == [two]


async def test_what_is_shared_names_nobody(alice, make):
    made = await make(FAVORITE, name="a")

    answer = await alice.get(f"/api/workflows/{made['id']}/share")

    assert answer.json == {
        "name": "a", "description": None, "trigger": "AssetCreate", "steps": made["steps"],
    }  # fmt: skip


async def test_triggers_are_listed(alice):
    triggers = (await alice.get("/api/workflows/triggers")).json

    names = ["AssetCreate", "AssetMetadataExtraction", "AssetTagged"]
    assert triggers == [{"trigger": name, "types": ["AssetV1"]} for name in names]


@pytest.mark.parametrize(
    ("name", "config", "path"),
    [
        ("assetFileFilter", {}, ["pattern"]),
        ("assetFileFilter", None, ["pattern"]),
        ("assetFileFilter", {"pattern": "a", "matchType": "like"}, ["matchType"]),
        ("assetTypeFilter", {"allowedTypes": ["IMAGE", "SONG"]}, ["allowedTypes", 1]),
        ("assetVisibility", {"visibility": "hidden"}, ["visibility"]),
        ("assetArchive", {"inverse": "yes"}, ["inverse"]),
        ("assetAddToAlbums", {"albumIds": ["x"]}, []),
        ("assetLocationFilter", {"coordinate": {"latitude": 91}}, ["coordinate", "latitude"]),
    ],
)
async def test_a_config_is_as_its_method_says(alice, name, config, path):
    wrong = {"method": f"immich-plugin-core#{name}", "config": config}
    body = {"trigger": "AssetCreate", "steps": [FAVORITE, wrong]}

    answer = await alice.post("/api/workflows", body)

    assert (answer.status, answer.message) == (400, "Validation failed")
    (issue,) = answer.json["errors"]
    assert issue["path"] == ["steps", 1, "config", *path]


@pytest.mark.parametrize(
    "config",
    [
        {"recurring": False, "startDate": {"day": 30, "month": 2, "year": 2024},
         "endDate": {"day": 1, "month": 3, "year": 2024}},
    ],
)  # fmt: skip
async def test_days_are_in_the_calendar(alice, config):
    body = {"trigger": "AssetCreate", "steps": [step("assetDateFilter", **config)]}
    assert (await alice.post("/api/workflows", body)).status == 400


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"method": "other#assetArchive", "config": {}}, "Unknown method other#assetArchive"),
        (step("webhook", url="http://localhost"), "Unknown method immich-plugin-core#webhook"),
        ({"method": "assetArchive", "config": {}}, "Unknown method assetArchive"),
        (step("assetFileFilter", pattern="(", matchType="regex"), "Invalid regular expression: ("),
        (
            step("assetFileFilter", pattern=r"(a)\1", matchType="regex"),
            "Regular expressions cannot refer back to what they found",
        ),
    ],
)
async def test_a_step_that_cannot_be_taken_is_refused(alice, make, wrong, message):
    made = await make()
    for answer in (
        await alice.post("/api/workflows", {"trigger": "AssetCreate", "steps": [wrong]}),
        await alice.put(f"/api/workflows/{made['id']}", {"steps": [wrong]}),
    ):
        assert (answer.status, answer.message) == (400, message)
    assert (await alice.get("/api/workflows")).json == [made]


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("GET", "", "read"),
        ("PUT", "", "update"),
        ("PATCH", "", "update"),
        ("DELETE", "", "delete"),
        ("GET", "/logs", "logs"),
        ("GET", "/share", "read"),
    ],
)
async def test_workflows_are_their_owners(
    alice, bob, anonymous, new_key, make, method, path, permission
):
    made = await make(name="mine")
    body = {"name": "theirs"} if method in ("PUT", "PATCH") else None
    narrow = await new_key(alice, "workflow.create")
    for id_ in (made["id"], UNKNOWN):
        answer = await bob.call(method, f"/api/workflows/{id_}{path}", json=body)
        message = f"Not found or no workflow.{permission} access"
        assert (answer.status, answer.message) == (400, message)
    url = f"/api/workflows/{made['id']}{path}"
    assert (await anonymous.call(method, url, json=body)).status == 401
    assert (await narrow.call(method, url, json=body)).status == 403
    assert (await alice.get(f"/api/workflows/{made['id']}")).json == made


async def test_who_may_make_and_list(anonymous, alice, new_key):
    narrow = await new_key(alice, "workflow.logs")
    for client, status in ((anonymous, 401), (narrow, 403)):
        assert (await client.post("/api/workflows", {"trigger": "AssetCreate"})).status == status
        assert (await client.get("/api/workflows")).status == status


async def test_screenshots_leave_the_timeline(alice, make, add, done, logs, following):
    await following()
    made = await make(
        step("assetFileFilter", pattern="SCREENSHOT"),
        step("assetArchive"),
        step("assetAddToAlbums", albumIds=[], albumName="Screenshots"),
    )
    first = await add("a screenshot.jpg")
    other = await add("a.jpg")
    await done()
    second = await add("screenshot 2.jpg")
    await done()

    assert (await shown(alice, first))["visibility"] == "archive"
    assert (await shown(alice, other))["visibility"] == "timeline"
    (album,) = (await alice.get("/api/albums")).json
    assert (album["albumName"], album["assetCount"]) == ("Screenshots", 2)
    kept = (await alice.get(f"/api/workflows/{made['id']}")).json["steps"][2]["config"]
    assert kept == {"albumIds": [album["id"]], "albumName": "Screenshots"}
    results = {entry["triggerDataId"]: entry for entry in await logs(made)}
    assert results[first]["result"] == results[second]["result"] == "completed"
    assert results[other]["result"] == "halted"
    last = {"index": 0, "method": "immich-plugin-core#assetFileFilter"}
    assert (results[other]["lastStep"], "lastStep" in results[first]) == (last, False)


async def test_steps_that_are_off_are_left_out(alice, make, add, done):
    await make(step("assetTypeFilter", enabled=False, allowedTypes=["VIDEO"]), FAVORITE)
    asset_id = await add()
    await done()

    assert (await shown(alice, asset_id))["isFavorite"] is True


async def test_without_workflows_there_is_no_work(alice, make, add, database, query, admin):
    await admin.put("/api/queues/workflow", {"isPaused": True})
    await make(FAVORITE, client=admin)
    await make(FAVORITE, enabled=False)
    await add()
    await settle(database)
    assert await query("SELECT 1 FROM job WHERE queue = 'workflow'") == []

    await make(FAVORITE, trigger="AssetTagged")
    await add()
    await settle(database)
    statistics = (await admin.get("/api/queues/workflow")).json["statistics"]
    assert statistics["paused"] + statistics["waiting"] == 1


async def test_only_the_owners_enabled_workflows_run(alice, bob, make, add, done, logs):
    await make(FAVORITE, enabled=False)
    theirs = await make(FAVORITE, client=bob)
    silent = await make(step("assetAddToAlbums", albumIds=[]), logging=False)
    asset_id = await add()
    await done()

    assert (await shown(alice, asset_id))["isFavorite"] is False
    assert await logs(theirs, client=bob) == []
    assert await logs(silent) == []


async def test_what_the_owner_may_not_do_goes_wrong(alice, bob, make, add, done, logs, query):
    album = (await bob.post("/api/albums", {"albumName": "Bob's"})).json
    wrong = await make(
        FAVORITE, step("assetAddToAlbums", albumIds=[album["id"]]), step("assetArchive")
    )
    right = await make(step("assetArchive"))
    asset_id = await add()
    await done()

    (entry,) = await logs(wrong, result="error")
    last = {"index": 1, "method": "immich-plugin-core#assetAddToAlbums"}
    assert (entry["result"], entry["lastStep"]) == ("error", last)
    (row,) = await query("SELECT error FROM workflow_log WHERE result = 'error'")
    assert row["error"] == "Not found or no albumAsset.create access"
    assert (await shown(alice, asset_id))["isFavorite"] is True  # what went well stays
    assert (await logs(right))[0]["result"] == "completed"
    assert (await bob.get(f"/api/albums/{album['id']}")).json["assetCount"] == 0


async def test_an_editor_adds_to_anothers_album(alice, bob, make, add, done):
    members = [{"userId": alice.user["id"], "role": "editor"}]
    album = await bob.post("/api/albums", {"albumName": "b", "albumUsers": members})
    await make(step("assetAddToAlbums", albumIds=[album.json["id"]]))
    await add()
    await done()

    assert (await bob.get(f"/api/albums/{album.json['id']}")).json["assetCount"] == 1


async def test_tags_trigger_and_end(alice, make, add, done, logs, following):
    await following()
    first, second = (tag["id"] for tag in (await alice.put("/api/tags", {"tags": ["a", "b"]})).json)
    asset_id = await add()
    there = await make(
        step("assetTagFilter", tags=[first]),
        step("assetAddTags", tags=[second]),
        trigger="AssetTagged",
    )
    back = await make(
        step("assetTagFilter", tags=[second], matching="all"),
        step("assetAddTags", tags=[first]),
        trigger="AssetTagged",
    )
    await alice.put(f"/api/tags/{first}/assets", {"ids": [asset_id]})
    await done()

    tags = (await shown(alice, asset_id))["tags"]
    assert {tag["value"] for tag in tags} == {"a", "b"}
    # Once for the hand, once for what it did itself, which changed nothing.
    assert [entry["result"] for entry in await logs(there)] == ["completed"] * 2
    assert len(await logs(back)) == 2


async def test_what_the_file_says_triggers(alice, make, add, done, database, following):
    await following()
    await make(
        step("assetExifFilter", property="make", pattern=FOUND.make, matchType="exact"),
        step("assetLock"),
        trigger="AssetMetadataExtraction",
    )
    asset_id = await add()
    await done()
    assert (await shown(alice, asset_id))["visibility"] == "timeline"
    async with database.write() as tx:
        await renditions.record_metadata(tx, UUID(asset_id), FOUND)
    await done()

    assert (await alice.get(f"/api/assets/{asset_id}")).status == 400  # behind the PIN code


async def test_a_run_that_was_not_recorded_left_nothing(alice, make, add, done, database, logs):
    asset_id = await add()
    await done()
    made = await make(FAVORITE, step("assetAddToAlbums", albumIds=[], albumName="x"))
    with pytest.raises(Superseded):
        async with database.write() as tx:  # Another finished the job first.
            await workflows.run_workflows(tx, UUID(alice.user["id"]), UUID(asset_id), "AssetCreate")
            raise Superseded

    assert (await shown(alice, asset_id))["isFavorite"] is False
    assert (await alice.get("/api/albums")).json == []
    assert await logs(made) == []
    assert (await alice.get(f"/api/workflows/{made['id']}")).json == made


async def test_each_is_done_once_however_many_servers_work(
    alice, make, add, database, query, logs, second_server
):
    made = await make(step("assetAddToAlbums", albumIds=[], albumName="x"))
    ids = [await add() for _ in range(20)]
    await settle(database)
    await until(lambda: _is_empty(query, "SELECT 1 FROM job WHERE queue = 'workflow'"))

    assert sorted(entry["triggerDataId"] for entry in await logs(made)) == sorted(ids)
    (album,) = (await alice.get("/api/albums")).json
    assert album["assetCount"] == 20


async def test_logs_are_paged_and_bounded(alice, make, add, done, logs, monkeypatch):
    monkeypatch.setattr(workflows, "LOGS_MAX", 3)
    made = await make(step("assetFileFilter", pattern="a"))
    ids = [await add(f"{name}.mp4") for name in "abcab"]
    await done()

    everything = await logs(made)
    assert len(everything) == 3
    assert {entry["triggerDataId"] for entry in everything} <= set(ids)
    assert everything == sorted(everything, key=lambda entry: entry["at"], reverse=True)
    newest = await logs(made, limit=1)
    assert newest == everything[:1]
    assert await logs(made, before=newest[0]["at"]) == everything[1:]
    halted = await logs(made, result="halted")
    assert {entry["result"] for entry in halted} <= {"halted"}
    refused = await alice.get(f"/api/workflows/{made['id']}/logs", limit=0)
    assert refused.status == 400


@pytest.mark.parametrize(
    ("name", "config", "is_passed"),
    [
        ("assetFileFilter", {"pattern": "img", "matchType": "startsWith"}, True),
        ("assetFileFilter", {"pattern": "img", "caseSensitive": True}, False),
        ("assetFileFilter", {"pattern": "IMG_0001.jpg", "matchType": "exact"}, True),
        ("assetFileFilter", {"pattern": r"^img_\d{4}\b", "matchType": "regex"}, True),
        ("assetFileFilter", {"pattern": r"(1+)+$", "matchType": "regex"}, False),
        ("assetFileFilter", {"pattern": "/", "usePath": True}, True),
        ("assetTypeFilter", {"allowedTypes": ["IMAGE"]}, True),
        ("assetTypeFilter", {"allowedTypes": ["VIDEO"]}, False),
        ("assetMissingTimeZoneFilter", {}, True),
        ("assetMissingTimeZoneFilter", {"inverse": True}, False),
        ("assetLocationFilter", {"region": {"country": "Austria"}}, False),
        ("assetLocationFilter", {}, True),
        ("assetLocationFilter", {"coordinate": {"latitude": 1, "longitude": 1}}, False),
        ("assetTagFilter", {"tags": [], "matching": "any"}, True),
        ("assetTagFilter", {"tags": [UNKNOWN], "matching": "none"}, True),
        ("assetTagFilter", {"tags": [UNKNOWN], "matching": "any"}, False),
    ],
)
async def test_filters(alice, make, add, done, logs, name, config, is_passed):
    made = await make(step(name, **config))
    await add("IMG_0001.jpg")
    await done()

    (entry,) = await logs(made)
    assert entry["result"] == ("completed" if is_passed else "halted")


@pytest.mark.parametrize(
    ("first", "last", "recurring", "is_passed"),
    [
        ((2024, 5, 6), (2024, 5, 6), False, True),
        ((2024, 5, 7), (2025, 1, 1), False, False),
        ((1990, 5, 1), (1990, 5, 31), True, True),
        ((1990, 12, 24), (1990, 1, 6), True, False),
        ((1990, 12, 24), (1990, 6, 1), True, True),
    ],
)
async def test_days(make, add, done, logs, first, last, recurring, is_passed):
    days = [dict(zip(("year", "month", "day"), day, strict=True)) for day in (first, last)]
    made = await make(
        step("assetDateFilter", startDate=days[0], endDate=days[1], recurring=recurring)
    )
    await add(fileCreatedAt="2024-05-06T07:08:09.000Z")
    await done()

    (entry,) = await logs(made)
    assert entry["result"] == ("completed" if is_passed else "halted")


async def test_near_a_place(alice, make, add, done, logs):
    near = {"latitude": 48.2, "longitude": 16.37}
    made = await make(
        step("assetLocationFilter", coordinate={**near, "radius": 10}), trigger="AssetTagged"
    )
    (tag,) = (await alice.put("/api/tags", {"tags": ["a"]})).json
    for latitude in (48.25, 48.4):
        asset_id = await add()
        await alice.put(f"/api/assets/{asset_id}", {"latitude": latitude, "longitude": 16.37})
        await alice.put(f"/api/tags/{tag['id']}/assets", {"ids": [asset_id]})
        await done()

    assert [entry["result"] for entry in await logs(made)] == ["halted", "completed"]


async def test_out_of_the_archive_and_other_places(alice, make, add, done):
    await make(step("assetFavorite", inverse=True), step("assetArchive", inverse=True))
    asset_id = await add(visibility="archive", isFavorite="true")
    await done()
    asset = await shown(alice, asset_id)
    assert (asset["visibility"], asset["isFavorite"]) == ("timeline", False)

    await make(step("assetVisibility", visibility="archive"))
    again = await add()
    await done()
    assert (await shown(alice, again))["visibility"] == "archive"


async def test_the_trash_is_left_alone(alice, make, add, done, logs):
    asset_id = await add()
    await done()
    made = await make(step("assetAddToAlbums", albumIds=[], albumName="x"), trigger="AssetTagged")
    (tag,) = (await alice.put("/api/tags", {"tags": ["a"]})).json
    assert (await alice.delete("/api/assets", {"ids": [asset_id]})).status == 204
    await alice.put(f"/api/tags/{tag['id']}/assets", {"ids": [asset_id]})
    await done()

    assert (await alice.get("/api/albums")).json == []
    assert [entry["result"] for entry in await logs(made)] == ["halted"]
