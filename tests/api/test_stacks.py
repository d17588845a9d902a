"""/stacks: what is in one, what becomes of it, and who may."""

from __future__ import annotations

from uuid import uuid4

import pytest

from sync import log
from tests import contract

UNKNOWN = str(uuid4())


async def stack(client, ids):
    answer = await client.post("/api/stacks", {"assetIds": ids})
    assert answer.status == 201, answer.data
    return answer.json["id"]


def members(shown):
    return [asset["id"] for asset in shown["assets"]]


@contract.needed
async def test_a_stack_is_shown_as_the_contract_says(alice, add_some, following):
    ids = await add_some(3)

    answer = await alice.post("/api/stacks", {"assetIds": [ids[1], ids[2], ids[0]]})

    contract.assert_matches("POST", "/stacks", 201, answer.json, with_undeclared=False)
    assert (answer.status, answer.json["primaryAssetId"]) == (201, ids[1])
    assert members(answer.json) == [ids[1], ids[0], ids[2]]
    about = {"id": answer.json["id"], "primaryAssetId": ids[1], "assetCount": 3}
    assert all(asset["stack"] == about for asset in answer.json["assets"])
    again = await alice.get(f"/api/stacks/{answer.json['id']}")
    assert (again.status, again.json) == (200, answer.json)
    rows = await following()
    assert [row["primaryAssetId"] for row in rows["stack"].values()] == [ids[1]]
    assert {row["stackId"] for row in rows["asset"].values()} == {answer.json["id"]}


async def test_stacks_are_listed_and_found_by_who_stands_for_them(alice, bob, add_some):
    ids = await add_some(4)
    first, second = await stack(alice, ids[:2]), await stack(alice, ids[2:])

    listed = await alice.get("/api/stacks")
    found = await alice.get("/api/stacks", primaryAssetId=ids[2])
    member = await alice.get("/api/stacks", primaryAssetId=ids[3])
    theirs = await bob.get("/api/stacks", primaryAssetId=ids[2])

    assert [one["id"] for one in listed.json] == [first, second]
    assert [members(one) for one in listed.json] == [ids[:2], ids[2:]]
    assert [one["id"] for one in found.json] == [second]
    assert (member.json, theirs.json) == ([], [])


async def test_trashed_and_locked_members_are_not_shown(alice, add_some):
    ids = await add_some(4)
    stack_id = await stack(alice, ids)
    await alice.delete("/api/assets", {"ids": [ids[1]]})
    await alice.put(f"/api/assets/{ids[2]}", {"visibility": "locked"})

    shown = (await alice.get(f"/api/stacks/{stack_id}")).json

    assert members(shown) == [ids[0], ids[3]]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_another_stands_for_it(alice, add_some, following, method):
    ids = await add_some(3)
    (stranger,) = await add_some(1)
    stack_id = await stack(alice, ids)
    url = f"/api/stacks/{stack_id}"

    answer = await alice.call(method, url, json={"primaryAssetId": ids[2]})
    same = await alice.call(method, url, json={})
    refused = await alice.call(method, url, json={"primaryAssetId": stranger})

    assert (answer.status, members(answer.json)) == (200, [ids[2], ids[0], ids[1]])
    assert same.json == answer.json
    assert (refused.status, refused.message) == (400, "Primary asset must be in the stack")
    (row,) = (await following())["stack"].values()
    assert row["primaryAssetId"] == ids[2]


async def test_a_member_is_taken_out(alice, add_some, following):
    ids = await add_some(3)
    (stranger,) = await add_some(1)
    stack_id = await stack(alice, ids)
    url = f"/api/stacks/{stack_id}/assets"

    answer = await alice.delete(f"{url}/{ids[1]}")
    first = await alice.delete(f"{url}/{ids[0]}")
    other = await alice.delete(f"{url}/{stranger}")

    assert answer.status == 204
    assert (first.status, first.message) == (400, "Cannot remove stack's primary asset")
    assert (other.status, other.message) == (400, "Asset not in stack")
    assert members((await alice.get(f"/api/stacks/{stack_id}")).json) == [ids[0], ids[2]]
    assert (await following())["asset"][(ids[1],)]["stackId"] is None


async def test_stacks_end_and_their_members_stay(alice, add_some, following, monkeypatch):
    monkeypatch.setattr(log, "IDS_MAX", 2)
    ids = await add_some(8)
    stacks = [await stack(alice, ids[n : n + 2]) for n in range(0, 8, 2)]
    await following()

    one = await alice.delete(f"/api/stacks/{stacks[0]}")
    many = await alice.delete("/api/stacks", {"ids": [*stacks[1:], stacks[1]]})

    assert (one.status, many.status) == (204, 204)
    assert (await alice.get("/api/stacks")).json == []
    rows = await following()
    assert rows.get("stack", {}) == {}
    assert {row["stackId"] for row in rows["asset"].values()} == {None}
    assert len(rows["asset"]) == 8


async def test_all_are_deleted_or_none(alice, bob, add_some):
    mine = await stack(alice, await add_some(2))
    theirs = await stack(bob, await add_some(2, bob))

    for other in (theirs, UNKNOWN):
        answer = await alice.delete("/api/stacks", {"ids": [mine, other]})
        assert (answer.status, answer.message) == (400, "Not found or no stack.delete access")

    assert [one["id"] for one in (await alice.get("/api/stacks")).json] == [mine]
    assert [one["id"] for one in (await bob.get("/api/stacks")).json] == [theirs]


async def test_nothing_of_another_is_stacked(alice, bob, add_some):
    ids = [*await add_some(1), *await add_some(1, bob)]

    answer = await alice.post("/api/stacks", {"assetIds": ids})

    assert (answer.status, answer.message) == (400, "Not found or no asset.update access")


async def test_open_pages_are_told(alice, add_some, open_socket):
    ids = await add_some(3)
    socket = await open_socket(alice.url, **alice.headers)
    stack_id = await stack(alice, ids)
    assert await socket.next("on_asset_stack_update") == ()
    await alice.put(f"/api/stacks/{stack_id}", {"primaryAssetId": ids[1]})
    assert await socket.next("on_asset_stack_update") == ()
    await alice.delete("/api/stacks", {"ids": [stack_id]})
    assert await socket.next("on_asset_stack_update") == ()


OPERATIONS = [
    ("GET", "/stacks", "stack.read"),
    ("POST", "/stacks", "stack.create"),
    ("GET", "/stacks/{id}", "stack.read"),
    ("PUT", "/stacks/{id}", "stack.update"),
    ("DELETE", "/stacks/{id}/assets/{assetId}", "stack.update"),
    ("DELETE", "/stacks/{id}", "stack.delete"),
    ("DELETE", "/stacks", "stack.delete"),
]


@pytest.mark.parametrize(("method", "path", "permission"), OPERATIONS)
async def test_who_may(alice, bob, anonymous, new_key, add_some, method, path, permission):
    ids = await add_some(3)
    stack_id = await stack(alice, ids)
    body = {"assetIds": ids, "primaryAssetId": ids[1], "ids": [stack_id]}
    url = f"/api{path}".replace("{id}", stack_id).replace("{assetId}", ids[1])
    others = {p for _, _, p in OPERATIONS} - {permission}

    nobodys = await anonymous.call(method, url, json=body)
    narrow = await (await new_key(alice, *others)).call(method, url, json=body)
    foreign = await bob.call(method, url, json=body)

    assert (nobodys.status, nobodys.message) == (401, "Authentication required")
    assert (narrow.status, narrow.message) == (403, f"Missing required permission: {permission}")
    if path == "/stacks" and method == "GET":
        assert foreign.json == []
    else:
        needed = "asset.update" if method == "POST" else permission
        assert (foreign.status, foreign.message) == (400, f"Not found or no {needed} access")
    if "{id}" in path:
        missing = await alice.call(method, url.replace(stack_id, UNKNOWN), json=body)
        assert (missing.status, missing.message) == (foreign.status, foreign.message)
    assert members((await alice.get(f"/api/stacks/{stack_id}")).json) == ids
    allowed = await (await new_key(alice, permission)).call(method, url, json=body)
    assert allowed.status in (200, 201, 204)


@pytest.mark.parametrize("body", [{}, {"assetIds": [UNKNOWN]}, {"assetIds": ["x", UNKNOWN]}])
async def test_wrong_ids_are_named(alice, body):
    answer = await alice.post("/api/stacks", body)

    assert (answer.status, answer.message) == (400, "Validation failed")


async def test_who_may_look_may_not_stack(alice, add_some, onlookers):
    ids = await add_some(4)
    seen = await onlookers(ids)
    stack_id = await stack(alice, ids[:2])

    for client in (seen.partner, seen.editor):
        made = await client.post("/api/stacks", {"assetIds": ids[2:]})
        shown = await client.get(f"/api/stacks/{stack_id}")
        ended = await client.delete("/api/stacks", {"ids": [stack_id]})
        assert (made.status, made.message) == (400, "Not found or no asset.update access")
        assert (shown.status, shown.message) == (400, "Not found or no stack.read access")
        assert (ended.status, ended.message) == (400, "Not found or no stack.delete access")
    guest = await seen.guest.get(f"/api/stacks/{stack_id}")
    assert (guest.status, guest.message) == (403, "Forbidden")
    assert [one["id"] for one in (await alice.get("/api/stacks")).json] == [stack_id]
