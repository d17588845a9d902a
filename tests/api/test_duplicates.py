"""/duplicates: what forms a group, what becomes of it, and who may."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from server import chores
from server.context import CONTEXT, Context
from sync import log
from sync.config import Config, Trash
from sync.operations import duplicates
from tests import contract

UNKNOWN = str(uuid4())


@pytest.fixture
def context(database, root):
    return Context(database, root, None, Config())


@pytest.fixture
def group(alice, add_some, database):
    """Assets that somebody found to be nearly the same: the group's id, and theirs."""

    async def group(count=2, client=alice):
        ids = await add_some(count, client)
        async with database.write() as tx:
            made = await duplicates.group_assets(
                tx, UUID(client.user["id"]), [UUID(id_) for id_ in ids]
            )
        return str(made), ids

    return group


async def groups(client):
    answer = await client.get("/api/duplicates")
    assert answer.status == 200, answer.data
    return {one["duplicateId"]: [asset["id"] for asset in one["assets"]] for one in answer.json}


async def show(client, asset_id):
    return (await client.get(f"/api/assets/{asset_id}")).json


async def resolve(client, duplicate_id, keep, trash):
    wanted = {"duplicateId": duplicate_id, "keepAssetIds": keep, "trashAssetIds": trash}
    answer = await client.post("/api/duplicates/resolve", {"groups": [wanted]})
    assert answer.status == 200, answer.data
    return answer.json[0]


@contract.needed
async def test_a_group_is_shown_as_the_contract_says(alice, bob, group, following):
    made, ids = await group(3)
    theirs, _ = await group(2, bob)

    answer = await alice.get("/api/duplicates")

    contract.assert_matches("GET", "/duplicates", 200, answer.json, with_undeclared=False)
    assert await groups(alice) == {made: ids}
    assert list(await groups(bob)) == [theirs]
    assert {asset["duplicateId"] for asset in answer.json[0]["assets"]} == {made}


async def test_the_largest_is_suggested_then_that_of_which_most_is_known(alice, group, execute):
    _, ids = await group(3)

    async def suggested():
        (one,) = (await alice.get("/api/duplicates")).json
        return one["suggestedKeepAssetIds"]

    assert await suggested() == ids[2:]
    await alice.put(f"/api/assets/{ids[1]}", {"description": "a lake"})
    assert await suggested() == [ids[1]]
    await execute("UPDATE asset SET file_bytes = 10000 WHERE id = %s", ids[0])
    assert await suggested() == [ids[0]]


async def test_who_is_alone_in_a_group_is_none(alice, group):
    first, ids = await group(3)
    _, others = await group(2)
    await alice.delete("/api/assets", {"ids": [ids[0], others[0]]})

    assert await groups(alice) == {first: ids[1:]}
    await alice.put(f"/api/assets/{ids[1]}", {"visibility": "locked"})
    assert await groups(alice) == {}
    await alice.post("/api/trash/restore")
    assert len(await groups(alice)) == 2


async def test_groups_that_share_an_asset_become_one(alice, add_some, group, database):
    first, ids = await group(2)
    second, others = await group(2)
    (new,) = await add_some(1)

    async with database.write() as tx:
        linked = [UUID(id_) for id_ in (ids[0], others[0], new)]
        await duplicates.group_assets(tx, UUID(alice.user["id"]), linked)

    ((made, members),) = (await groups(alice)).items()
    assert made in (first, second)
    assert set(members) == {*ids, *others, new}


async def test_the_same_bytes_in_a_library_are_found_at_night_and_once(
    context, alice, bob, add_some, execute, query, following
):
    uploaded, in_library, in_another, beside = await add_some(4)
    (theirs,) = await add_some(1, bob)

    async def copy(asset_id, source_id, library_id):
        await execute(
            "UPDATE asset SET library_id = %s,"
            " checksum = (SELECT checksum FROM asset WHERE id = %s) WHERE id = %s",
            library_id, source_id, asset_id,
        )  # fmt: skip

    await copy(in_library, uploaded, uuid4())
    await copy(theirs, uploaded, uuid4())
    await chores.do_all(context)
    ((made, members),) = (await groups(alice)).items()
    assert set(members) == {uploaded, in_library}
    assert await groups(bob) == {}
    await chores.do_all(context)
    assert list(await groups(alice)) == [made]

    # Who said that they are none is not asked again, but for a third.
    await alice.delete(f"/api/duplicates/{made}")
    await chores.do_all(context)
    assert await groups(alice) == {}
    await copy(in_another, uploaded, uuid4())
    await chores.do_all(context)
    ((_, members),) = (await groups(alice)).items()
    assert set(members) == {uploaded, in_library, in_another}
    assert (await show(alice, beside))["duplicateId"] is None


async def test_groups_are_dismissed_and_their_assets_stay(alice, group, following, monkeypatch):
    monkeypatch.setattr(log, "IDS_MAX", 2)
    made = [await group(2) for _ in range(4)]
    ids = [duplicate_id for duplicate_id, _ in made]

    one = await alice.delete(f"/api/duplicates/{ids[0]}")
    many = await alice.delete("/api/duplicates", {"ids": [*ids[1:], ids[1]]})

    assert (one.status, many.status) == (204, 204)
    assert await groups(alice) == {}
    assert (await show(alice, made[0][1][0]))["duplicateId"] is None
    assert (await alice.get("/api/assets/statistics")).json["total"] == 8


async def test_all_are_dismissed_or_none(alice, bob, group):
    mine, _ = await group()
    theirs, _ = await group(2, bob)

    for other in (theirs, UNKNOWN):
        answer = await alice.delete("/api/duplicates", {"ids": [mine, other]})
        assert (answer.status, answer.message) == (400, "Not found or no duplicate.delete access")

    assert list(await groups(alice)) == [mine]
    assert list(await groups(bob)) == [theirs]


async def test_the_one_that_is_kept_gets_what_the_others_had(alice, group, following):
    made, ids = await group(3)
    await alice.put(
        f"/api/assets/{ids[0]}",
        {"description": "a lake\n\n in Norway", "rating": 2, "isFavorite": True},
    )
    await alice.put(
        f"/api/assets/{ids[1]}",
        {"description": "in Norway\nat dawn", "rating": 4, "latitude": 60.5, "longitude": 0},
    )
    await alice.put(f"/api/assets/{ids[1]}", {"visibility": "archive"})
    tag_ids = [tag["id"] for tag in (await alice.put("/api/tags", {"tags": ["a", "b"]})).json]
    await alice.put(f"/api/tags/{tag_ids[0]}/assets", {"ids": [ids[0]]})
    await alice.put(f"/api/tags/{tag_ids[1]}/assets", {"ids": [ids[2]]})
    album = (await alice.post("/api/albums", {"albumName": "x", "assetIds": [ids[1]]})).json["id"]

    assert await resolve(alice, made, ids[2:], ids[:2]) == {"id": made, "success": True}

    kept = await show(alice, ids[2])
    exif = kept["exifInfo"]
    assert exif["description"] == "a lake\nin Norway\nat dawn"
    assert (exif["rating"], exif["latitude"], exif["longitude"]) == (4, 60.5, 0)
    assert (kept["isFavorite"], kept["visibility"]) == (True, "archive")
    assert [tag["value"] for tag in kept["tags"]] == ["a", "b"]
    assert [one["id"] for one in (await alice.get("/api/albums", assetId=ids[2])).json] == [album]
    assert (kept["isTrashed"], kept["duplicateId"]) == (False, None)
    for gone in [await show(alice, id_) for id_ in ids[:2]]:
        assert (gone["isTrashed"], gone["duplicateId"]) == (True, None)
    assert await groups(alice) == {}
    assert (await following())["asset"][(ids[2],)]["visibility"] == "archive"


async def test_what_differs_in_place_has_none_and_what_is_the_same_stays(alice, group):
    made, ids = await group(2)
    for asset_id, latitude in zip(ids, (10, 20), strict=True):
        await alice.put(f"/api/assets/{asset_id}", {"latitude": latitude, "longitude": 5})

    await resolve(alice, made, ids[:1], ids[1:])

    kept = await show(alice, ids[0])
    assert (kept["exifInfo"]["latitude"], kept["exifInfo"]["longitude"]) == (10, 5)
    assert (kept["isFavorite"], kept["visibility"]) == (False, "timeline")


async def test_several_are_kept_as_they_are(alice, group, following):
    made, ids = await group(3)
    await alice.put(f"/api/assets/{ids[0]}", {"isFavorite": True})

    await resolve(alice, made, ids[1:], ids[:1])

    shown = [await show(alice, id_) for id_ in ids]
    assert [one["isTrashed"] for one in shown] == [True, False, False]
    assert [one["isFavorite"] for one in shown] == [True, False, False]
    assert await groups(alice) == {}


async def test_all_are_kept_or_all_go(alice, group):
    first, ids = await group(2)
    second, others = await group(2)

    await resolve(alice, first, ids, [])
    await resolve(alice, second, [], others)

    trashed = [(await show(alice, id_))["isTrashed"] for id_ in (*ids, *others)]
    assert trashed == [False, False, True, True]


async def test_without_a_trash_they_are_deleted(server, alice, group, following):
    made, ids = await group(2)
    server.app[CONTEXT].config = Config(trash=Trash(enabled=False))

    await resolve(alice, made, ids[:1], ids[1:])

    assert (await alice.get(f"/api/assets/{ids[1]}")).status == 400
    assert list((await following())["asset"]) == [(ids[0],)]


async def test_each_group_is_answered_by_itself(alice, add_some, group):
    both, ids = await group(2)
    neither, others = await group(2)
    right, kept = await group(2)
    gone, trashed = await group(2)
    await alice.delete("/api/assets", {"ids": trashed})
    (stranger,) = await add_some(1)

    def wanted(duplicate_id, keep, trash):
        return {"duplicateId": duplicate_id, "keepAssetIds": keep, "trashAssetIds": trash}

    answer = await alice.post(
        "/api/duplicates/resolve",
        {
            "groups": [
                wanted(both, ids, ids[:1]),
                wanted(neither, others[:1], []),
                wanted(right, kept, [stranger]),
                wanted(gone, trashed, []),
            ]
        },
    )

    def failed(duplicate_id, message):
        wrong = {"success": False, "error": "validation", "errorMessage": message}
        return {"id": duplicate_id, **wrong}

    assert (answer.status, answer.json) == (
        200,
        [
            failed(both, "An asset cannot be in both keepAssetIds and trashAssetIds"),
            failed(neither, "Every asset must be in either keepAssetIds or trashAssetIds"),
            {"id": right, "success": True},
            {"id": gone, "success": False, "error": "not_found"},
        ],
    )
    assert await groups(alice) == {both: ids, neither: others}
    assert (await show(alice, stranger))["isTrashed"] is False


def resolving(duplicate_id):
    return {"groups": [{"duplicateId": duplicate_id, "keepAssetIds": [], "trashAssetIds": []}]}


OPERATIONS = [
    ("GET", "/duplicates", "duplicate.read"),
    ("POST", "/duplicates/resolve", "duplicate.delete"),
    ("DELETE", "/duplicates", "duplicate.delete"),
    ("DELETE", "/duplicates/{id}", "duplicate.delete"),
]


@pytest.mark.parametrize(("method", "path", "permission"), OPERATIONS)
async def test_who_may(alice, bob, anonymous, new_key, group, method, path, permission):
    made, ids = await group()
    url = f"/api{path}".replace("{id}", made)
    body = {"ids": [made], **resolving(made)}
    others = {p for _, _, p in OPERATIONS} - {permission}

    nobodys = await anonymous.call(method, url, json=body)
    narrow = await (await new_key(alice, "asset.delete", *others)).call(method, url, json=body)
    foreign = await bob.call(method, url, json=body)

    assert (nobodys.status, nobodys.message) == (401, "Authentication required")
    assert (narrow.status, narrow.message) == (403, f"Missing required permission: {permission}")
    if method == "GET":
        assert foreign.json == []
    else:
        missing = await alice.call(
            method,
            url.replace(made, UNKNOWN),
            json={"ids": [made, UNKNOWN], **resolving(UNKNOWN)},
        )
        assert (foreign.status, foreign.message) == (400, f"Not found or no {permission} access")
        assert (missing.status, missing.message) == (foreign.status, foreign.message)
    assert await groups(alice) == {made: ids}
    allowed = await (await new_key(alice, permission)).call(method, url, json=body)
    assert allowed.status in (200, 204)


@pytest.mark.parametrize("body", [{}, {"groups": []}, {"groups": [{"duplicateId": UNKNOWN}]}])
async def test_wrong_wishes_are_named(alice, body):
    answer = await alice.post("/api/duplicates/resolve", body)

    assert (answer.status, answer.message) == (400, "Validation failed")


async def test_who_may_look_may_not_decide(alice, group, onlookers):
    made, ids = await group()
    seen = await onlookers(ids)

    for client in (seen.partner, seen.editor):
        answer = await client.delete(f"/api/duplicates/{made}")
        assert await groups(client) == {}
        assert (answer.status, answer.message) == (400, "Not found or no duplicate.delete access")
    guest = await seen.guest.post("/api/duplicates/resolve", resolving(made))
    assert (guest.status, guest.message) == (403, "Forbidden")
    assert await groups(alice) == {made: ids}


async def test_a_group_is_made_and_left_as_older_apps_do_it(alice, bob, add, following):
    one, other, foreign = await add(), await add(), await add(client=bob)
    group = str(uuid4())

    made = await alice.put("/api/assets", {"ids": [one, other], "duplicateId": group})
    assert made.status == 204
    assert [len(each["assets"]) for each in (await alice.get("/api/duplicates")).json] == [2]
    refused = await alice.put("/api/assets", {"ids": [foreign], "duplicateId": group})
    assert (refused.status, refused.message) == (400, "Not found or no asset.update access")
    await alice.put("/api/assets", {"ids": [one, other], "duplicateId": None})

    assert (await alice.get("/api/duplicates")).json == []
    await following()
