"""/memories: what is shown when, what becomes of it, who may; and how they are made at night."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from server import chores
from server.context import Context
from sync import log
from sync.config import Config
from tests import contract

PHOTO = b"\xff\xd8\xff"
UNKNOWN = str(uuid4())
AT = "2020-05-06T00:00:00.000Z"
ABOUT = {"type": "on_this_day", "data": {"year": 2020}, "memoryAt": AT}


async def make(client, **details):
    answer = await client.post("/api/memories", ABOUT | details)
    assert answer.status == 201, answer.data
    return answer.json["id"]


async def find(client, **query):
    answer = await client.get("/api/memories", **query)
    assert answer.status == 200, answer.data
    total = await client.get("/api/memories/statistics", **query)
    if "size" not in query:
        assert total.json == {"total": len(answer.json)}
    return [memory["id"] for memory in answer.json]


def members(shown):
    return [asset["id"] for asset in shown["assets"]]


@contract.needed
async def test_a_memory_is_shown_as_the_contract_says(alice, add_some, following):
    ids = await add_some(2)
    times = {"showAt": AT, "hideAt": "2020-05-06T23:59:59.999Z", "seenAt": AT}

    answer = await alice.post("/api/memories", ABOUT | times | {"assetIds": ids, "isSaved": True})

    contract.assert_matches("POST", "/memories", 201, answer.json, with_undeclared=False)
    assert answer.status == 201
    assert answer.json | ABOUT | times | {"isSaved": True} == answer.json
    assert (answer.json["ownerId"], members(answer.json)) == (alice.user["id"], ids)
    assert (await alice.get(f"/api/memories/{answer.json['id']}")).json == answer.json
    bare = (await alice.post("/api/memories", ABOUT)).json
    assert {"seenAt", "showAt", "hideAt", "deletedAt"}.isdisjoint(bare)
    assert (bare["assets"], bare["isSaved"]) == ([], False)
    assert len((await following())["memory"]) == 2


async def test_only_own_assets_that_are_not_locked_are_shown(alice, bob, add_some, unlocked):
    ids = await add_some(3)
    (theirs,) = await add_some(1, bob)
    await alice.put(f"/api/assets/{ids[1]}", {"visibility": "locked"})
    open_ = await unlocked(alice)

    memory_id = await make(open_, assetIds=[*ids, theirs, UNKNOWN])
    assert members((await open_.get(f"/api/memories/{memory_id}")).json) == [ids[0], ids[2]]

    await alice.delete("/api/assets", {"ids": [ids[0]]})
    await alice.put(f"/api/assets/{ids[2]}", {"visibility": "archive"})
    assert members((await alice.get(f"/api/memories/{memory_id}")).json) == []


async def test_memories_are_found_by_the_day_they_are_shown_on(alice, bob):
    always = await make(alice)
    day = await make(alice, showAt=AT, hideAt="2020-05-06T23:59:59.999Z")
    since = await make(alice, showAt="2020-05-07T00:00:00.000Z")
    until = await make(alice, hideAt="2020-05-05T23:59:59.999Z")
    await make(bob)

    assert set(await find(alice)) == {always, day, since, until}
    assert set(await find(alice, **{"for": "2020-05-05"})) == {always, until}
    assert set(await find(alice, **{"for": "2020-05-06"})) == {always, day}
    assert set(await find(alice, **{"for": "2020-05-07"})) == {always, since}
    for moment in ("2020-05-06T23:30:00.000Z", "2020-05-06T23:30:00.000-08:00"):
        assert set(await find(alice, **{"for": moment})) == {always, day}, "the day of that clock"


async def test_memories_are_filtered_ordered_and_cut(alice, execute):
    old = await make(alice, memoryAt="2001-01-01T00:00:00.000Z", isSaved=True)
    new = await make(alice, memoryAt="2003-01-01T00:00:00.000Z")
    later = (datetime.now(UTC) + timedelta(days=9)).isoformat(timespec="milliseconds")
    mid = await make(alice, memoryAt="2002-01-01T00:00:00.000Z", showAt=later)

    assert await find(alice) == [new, mid, old]
    assert await find(alice, order="asc") == [old, mid, new]
    assert set(await find(alice, order="random", size=5)) == {old, mid, new}
    assert await find(alice, size=2) == [new, mid]
    assert await find(alice, size=2, page=2) == [old]
    assert await find(alice, isSaved="true") == [old]
    assert await find(alice, isSaved="false", order="asc") == [mid, new]
    assert await find(alice, isUpcoming="true") == [mid]
    assert await find(alice, isUpcoming="false") == [new, old]
    assert await find(alice, type="on_this_day", id=mid) == [mid]
    await execute("UPDATE memory SET deleted_at = now() WHERE id = %s", new)
    assert await find(alice) == [mid, old]
    assert await find(alice, isTrashed="true") == [new]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_a_memory_is_seen_and_saved(alice, following, method):
    memory_id = await make(alice)
    url = f"/api/memories/{memory_id}"

    seen = await alice.call(method, url, json={"seenAt": "2020-05-06T08:00:00+02:00"})
    saved = await alice.call(method, url, json={"isSaved": True})
    moved = await alice.call(method, url, json={"memoryAt": "2019-05-06T00:00:00.000Z"})

    assert (seen.status, seen.json["seenAt"]) == (200, "2020-05-06T06:00:00.000Z")
    assert (saved.json["seenAt"], saved.json["isSaved"]) == (seen.json["seenAt"], True)
    assert (moved.json["memoryAt"], moved.json["isSaved"]) == ("2019-05-06T00:00:00.000Z", True)
    (row,) = (await following())["memory"].values()
    assert (row["isSaved"], row["memoryAt"]) == (True, "2019-05-06T00:00:00.000Z")


async def test_assets_come_and_go_one_by_one(alice, bob, add_some, following, monkeypatch):
    monkeypatch.setattr(log, "IDS_MAX", 2)
    ids = await add_some(4)
    (theirs,) = await add_some(1, bob)
    memory_id = await make(alice, assetIds=ids[:1])
    url = f"/api/memories/{memory_id}/assets"

    added = await alice.put(url, {"ids": [*ids, ids[1], theirs, UNKNOWN]})
    removed = await alice.delete(url, {"ids": [ids[0], ids[0], theirs, ids[1]]})

    def failed(id_, error):
        return {"id": id_, "success": False, "error": error}

    assert added.json == [
        failed(ids[0], "duplicate"),
        *({"id": id_, "success": True} for id_ in ids[1:]),
        failed(ids[1], "duplicate"),
        failed(theirs, "no_permission"),
        failed(UNKNOWN, "no_permission"),
    ]
    assert removed.json == [
        {"id": ids[0], "success": True},
        failed(ids[0], "not_found"),
        failed(theirs, "not_found"),
        {"id": ids[1], "success": True},
    ]
    assert members((await alice.get(f"/api/memories/{memory_id}")).json) == ids[2:]
    assert len((await following())["memory_asset"]) == 2


async def test_many_assets_are_remembered_at_once(alice, add_some, following, monkeypatch):
    monkeypatch.setattr(log, "IDS_MAX", 2)
    ids = await add_some(5)

    memory_id = await make(alice, assetIds=ids)

    assert members((await alice.get(f"/api/memories/{memory_id}")).json) == ids
    assert len((await following())["memory_asset"]) == 5


async def test_a_memory_ends_and_its_assets_stay(alice, add_some, following):
    ids = await add_some(2)
    memory_id = await make(alice, assetIds=ids)
    await following()

    answer = await alice.delete(f"/api/memories/{memory_id}")

    assert answer.status == 204
    assert await find(alice) == []
    rows = await following()
    assert (rows.get("memory", {}), rows.get("memory_asset", {})) == ({}, {})
    assert len(rows["asset"]) == 2


OPERATIONS = [
    ("GET", "/memories", "memory.read", "memory.read"),
    ("GET", "/memories/statistics", "memory.statistics", "memory.statistics"),
    ("POST", "/memories", "memory.create", "memory.create"),
    ("GET", "/memories/{id}", "memory.read", "memory.read"),
    ("PUT", "/memories/{id}", "memory.update", "memory.update"),
    ("PUT", "/memories/{id}/assets", "memoryAsset.create", "memory.read"),
    ("DELETE", "/memories/{id}/assets", "memoryAsset.delete", "memory.update"),
    ("DELETE", "/memories/{id}", "memory.delete", "memory.delete"),
]


@pytest.mark.parametrize(("method", "path", "permission", "needed"), OPERATIONS)
async def test_who_may(alice, bob, anonymous, new_key, method, path, permission, needed):
    memory_id = await make(alice)
    url, body = f"/api{path}".replace("{id}", memory_id), ABOUT | {"ids": []}
    others = {p for _, _, p, _ in OPERATIONS} - {permission}

    nobodys = await anonymous.call(method, url, json=body)
    narrow = await (await new_key(alice, *others)).call(method, url, json=body)

    assert (nobodys.status, nobodys.message) == (401, "Authentication required")
    assert (narrow.status, narrow.message) == (403, f"Missing required permission: {permission}")
    if "{id}" in path:
        foreign = await bob.call(method, url, json=body)
        missing = await alice.call(method, url.replace(memory_id, UNKNOWN), json=body)
        assert (foreign.status, foreign.message) == (400, f"Not found or no {needed} access")
        assert (missing.status, missing.message) == (foreign.status, foreign.message)
    assert await find(alice) == [memory_id]
    allowed = await (await new_key(alice, permission)).call(method, url, json=body)
    assert allowed.status in (200, 201, 204)


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "birthday"},
        {"data": {"year": 999}},
        {"data": {}},
        {"memoryAt": "2020-05-06"},
        {"assetIds": ["x"]},
    ],
)
async def test_wrong_fields_are_named(alice, changes):
    answer = await alice.post("/api/memories", ABOUT | changes)

    assert (answer.status, answer.message) == (400, "Validation failed")
    assert answer.json["errors"][0]["path"][0] == next(iter(changes))


@pytest.mark.parametrize(
    "query",
    [
        {"for": "2021-02-29"},
        {"for": "today"},
        {"for": "2020-05-06Tea"},
        {"size": 0},
        {"order": "up"},
    ],
)
async def test_wrong_questions_are_refused(alice, query):
    for path in ("/api/memories", "/api/memories/statistics"):
        answer = await alice.get(path, **query)
        assert (answer.status, answer.message) == (400, "Validation failed")
        assert answer.json["errors"][0]["path"] == list(query)


async def test_who_may_look_may_not_remember(alice, add_some, onlookers):
    """An app that was sent a link to what it does not have could not keep it."""
    ids = await add_some(1)
    seen = await onlookers(ids)
    theirs = await make(alice, assetIds=ids)

    for client in (seen.partner, seen.editor):
        own = await make(client, assetIds=ids)
        added = await client.put(f"/api/memories/{own}/assets", {"ids": ids})
        assert members((await client.get(f"/api/memories/{own}")).json) == []
        assert added.json == [{"id": ids[0], "success": False, "error": "no_permission"}]
        assert await find(client) == [own]
    guest = await seen.guest.get(f"/api/memories/{theirs}")
    assert (guest.status, guest.message) == (403, "Forbidden")


# At night

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def years_ago(count, day=TODAY):
    """The same date; a test that runs on the 29th of February is content with the 28th."""
    try:
        return day.replace(year=day.year - count)
    except ValueError:
        return (day - timedelta(days=1)).replace(year=day.year - count)


@pytest.fixture
def context(database, root):
    return Context(database, root, None, Config())


@pytest.fixture
def taken(execute):
    """Upload a picture as taken then, finished."""

    async def taken(client, moment, *, is_finished=True):
        answer = await client.upload(PHOTO + uuid4().bytes)
        await execute(
            "UPDATE asset SET local_date_time = %s, file_created_at = %s, thumbhash = %s"
            " WHERE id = %s",
            moment.replace(tzinfo=None), moment, b"hash" if is_finished else None,
            answer.json["id"],
        )  # fmt: skip
        return answer.json["id"]

    return taken


@pytest.mark.skipif((TODAY.month, TODAY.day) == (2, 29), reason="few years have this day")
async def test_each_year_before_is_remembered_once(context, alice, bob, taken, following):
    one = await taken(alice, years_ago(1) + timedelta(hours=23, minutes=59))
    three = await taken(alice, years_ago(3))
    tomorrow = await taken(alice, years_ago(1, TODAY + timedelta(days=1)) + timedelta(hours=1))
    await taken(alice, TODAY)  # not in a year before
    await taken(alice, years_ago(2) + timedelta(days=20))
    theirs = await taken(bob, years_ago(3))
    await taken(alice, years_ago(4), is_finished=False)
    for change in ({"visibility": "archive"}, {"visibility": "locked"}):
        await alice.put(f"/api/assets/{await taken(alice, years_ago(5))}", change)
    await alice.delete("/api/assets", {"ids": [await taken(alice, years_ago(6))]})

    for _ in range(2):
        assert await chores.do_all(context)

    shown = (await alice.get("/api/memories", **{"for": TODAY.date().isoformat()})).json
    assert [(m["data"]["year"], members(m)) for m in shown] == [
        (TODAY.year - 1, [one]),
        (TODAY.year - 3, [three]),
    ]
    day = f"{TODAY.date()}T"
    assert (shown[0]["showAt"], shown[0]["hideAt"]) == (
        f"{day}00:00:00.000Z",
        f"{day}23:59:59.999Z",
    )
    assert shown[1]["memoryAt"] == f"{years_ago(3).date()}T00:00:00.000Z"
    assert (shown[0]["type"], shown[0]["isSaved"]) == ("on_this_day", False)
    next_day = (TODAY + timedelta(days=1)).date().isoformat()
    assert [members(m) for m in (await alice.get("/api/memories", **{"for": next_day})).json] == [
        [tomorrow]
    ]
    assert [members(m) for m in (await bob.get("/api/memories")).json] == [[theirs]]
    assert len((await following())["memory"]) == 3


async def test_days_that_were_missed_are_made_up_for(context, alice, taken, execute):
    for offset in range(-4, 6):
        await taken(alice, years_ago(1, TODAY + timedelta(days=offset)))
    await chores.do_all(context)
    first = len(await find(alice))
    assert first == 6  # from the day before yesterday to three days ahead

    await execute("UPDATE memory_progress SET upto = upto - 2")
    await execute("DELETE FROM memory_asset")
    await execute("DELETE FROM memory")
    await chores.do_all(context)

    assert len(await find(alice)) == 2


async def test_no_more_than_twenty_of_a_year(context, alice, taken):
    for minute in range(22):
        await taken(alice, years_ago(1) + timedelta(minutes=minute))

    await chores.do_all(context)

    (memory,) = (await alice.get("/api/memories")).json
    assert len(memory["assets"]) == 20


async def test_what_nobody_saved_goes_after_thirty_days(
    context, alice, add_some, execute, following
):
    ids = await add_some(2)
    _, saved, young = [
        await make(alice, assetIds=ids, isSaved=is_saved) for is_saved in (False, True, False)
    ]
    await execute("UPDATE memory SET created_at = now() - interval '31 days' WHERE id <> %s", young)
    await following()

    await chores.do_all(context)

    assert set(await find(alice)) == {saved, young}
    rows = await following()
    assert set(rows["memory"]) == {(saved,), (young,)}
    assert len(rows["memory_asset"]) == 4


async def test_what_left_the_timeline_leaves_the_memories(
    context, alice, add_some, following, query
):
    ids = await add_some(3)
    memory_id = await make(alice, assetIds=ids)
    await alice.put(f"/api/assets/{ids[0]}", {"visibility": "archive"})

    await chores.do_all(context)

    left = await query("SELECT asset_id FROM memory_asset WHERE memory_id = %s", memory_id)
    assert {str(row["asset_id"]) for row in left} == set(ids[1:])
    assert len((await following())["memory_asset"]) == 2
