"""/tags: a tree of words, which assets have which, and who may."""

from __future__ import annotations

from uuid import uuid4

import pytest

from sync import log
from tests import contract

UNKNOWN = str(uuid4())


async def upsert(client, *values):
    answer = await client.put("/api/tags", {"tags": values})
    assert answer.status == 200, answer.data
    return [tag["id"] for tag in answer.json]


async def values(client):
    return [tag["value"] for tag in (await client.get("/api/tags")).json]


async def tags_of(client, asset_id):
    return [tag["value"] for tag in (await client.get(f"/api/assets/{asset_id}")).json["tags"]]


@contract.needed
async def test_a_tag_is_shown_as_the_contract_says(alice):
    parent = await alice.post("/api/tags", {"name": "Places", "color": "00ff00"})
    child = await alice.post("/api/tags", {"name": "Norway", "parentId": parent.json["id"]})

    assert (parent.status, child.status) == (201, 201)
    contract.assert_matches("POST", "/tags", 201, child.json, with_undeclared=False)
    assert (parent.json["color"], "parentId" in parent.json) == ("#00ff00", False)
    assert (child.json["name"], child.json["value"]) == ("Norway", "Places/Norway")
    assert child.json["parentId"] == parent.json["id"]
    assert "color" not in child.json
    again = await alice.get(f"/api/tags/{child.json['id']}")
    assert (again.status, again.json) == (200, child.json)


async def test_they_are_listed_by_value_and_each_has_their_own(alice, bob):
    await upsert(alice, "b", "a/z", "a")
    await upsert(bob, "a", "c")

    assert await values(alice) == ["a", "a/z", "b"]
    assert await values(bob) == ["a", "c"]


async def test_a_path_is_made_with_all_above_it_and_only_once(alice):
    first = await alice.put("/api/tags", {"tags": ["a/b/c", "a/b/c", "/x//y/", "", "/"]})
    again = await alice.put("/api/tags", {"tags": ["a/b/c", "a"]})

    assert [tag["value"] for tag in first.json] == ["a/b/c", "x/y"]
    assert await values(alice) == ["a", "a/b", "a/b/c", "x", "x/y"]
    assert again.json[0]["id"] == first.json[0]["id"]
    tree = {tag["value"]: tag for tag in (await alice.get("/api/tags")).json}
    assert tree["a/b/c"]["parentId"] == tree["a/b"]["id"]
    assert tree["a/b"]["parentId"] == tree["a"]["id"]
    assert "parentId" not in tree["a"]


async def test_what_is_there_is_not_made_again(alice, bob):
    (parent,) = await upsert(alice, "a")
    await upsert(alice, "a/b")

    top = await alice.post("/api/tags", {"name": "a"})
    below = await alice.post("/api/tags", {"name": "b", "parentId": parent})

    assert (top.status, top.message) == (400, "A tag with that name already exists")
    assert (below.status, below.message) == (400, "A tag with that name already exists")
    assert (await bob.post("/api/tags", {"name": "a"})).status == 201


@pytest.mark.parametrize("method", ["put", "patch"])
async def test_a_renamed_tag_takes_along_what_is_below_it(alice, method):
    tag_id, _, other = await upsert(alice, "a/b", "a/b/c", "a/bc")

    answer = await alice.call(method.upper(), f"/api/tags/{tag_id}", json={"name": "x"})

    assert (answer.status, answer.json["value"], answer.json["name"]) == (200, "a/x", "x")
    assert await values(alice) == ["a", "a/bc", "a/x", "a/x/c"]
    taken = await alice.put(f"/api/tags/{other}", {"name": "x"})
    assert (taken.status, taken.message) == (400, "A tag with that name already exists")
    same = await alice.put(f"/api/tags/{other}", {"name": "bc"})
    assert (same.status, same.json["value"]) == (200, "a/bc")


async def test_a_color_comes_and_goes(alice):
    (tag_id,) = await upsert(alice, "a")

    colored = await alice.put(f"/api/tags/{tag_id}", {"color": "#12abCD"})
    kept = await alice.put(f"/api/tags/{tag_id}", {"name": "b"})
    bare = await alice.put(f"/api/tags/{tag_id}", {"color": None})
    nothing = await alice.put(f"/api/tags/{tag_id}", {})

    assert (colored.json["color"], kept.json["color"]) == ("#12abCD", "#12abCD")
    assert "color" not in bare.json
    assert nothing.json == bare.json


async def test_a_deleted_tag_takes_along_what_is_below_it_but_no_asset(alice, add_some):
    (asset_id,) = await add_some(1)
    tag_id, below, beside = await upsert(alice, "a", "a/b", "ab")
    for one in (tag_id, below, beside):
        await alice.put(f"/api/tags/{one}/assets", {"ids": [asset_id]})

    answer = await alice.delete(f"/api/tags/{tag_id}")

    assert answer.status == 204
    assert await values(alice) == ["ab"]
    assert await tags_of(alice, asset_id) == ["ab"]


async def test_assets_are_tagged_and_untagged_one_by_one(
    alice, bob, add_some, following, monkeypatch
):
    monkeypatch.setattr(log, "IDS_MAX", 2)
    ids = await add_some(3)
    (theirs,) = await add_some(1, bob)
    (tag_id,) = await upsert(alice, "a")

    tagged = await alice.put(f"/api/tags/{tag_id}/assets", {"ids": [*ids, ids[0], theirs]})
    again = await alice.put(f"/api/tags/{tag_id}/assets", {"ids": ids[:1]})
    untagged = await alice.delete(f"/api/tags/{tag_id}/assets", {"ids": [ids[0], ids[0], theirs]})

    assert tagged.json == [
        *({"id": id_, "success": True} for id_ in ids),
        {"id": ids[0], "success": False, "error": "duplicate"},
        {"id": theirs, "success": False, "error": "no_permission"},
    ]
    assert again.json == [{"id": ids[0], "success": False, "error": "duplicate"}]
    assert untagged.json == [
        {"id": ids[0], "success": True},
        {"id": ids[0], "success": False, "error": "not_found"},
        {"id": theirs, "success": False, "error": "not_found"},
    ]
    assert [await tags_of(alice, id_) for id_ in ids] == [[], ["a"], ["a"]]
    assert await tags_of(bob, theirs) == []


async def test_many_are_tagged_with_many_and_the_new_pairs_counted(
    alice, bob, add_some, monkeypatch
):
    monkeypatch.setattr(log, "IDS_MAX", 2)
    ids = await add_some(3)
    (theirs,) = await add_some(1, bob)
    tag_ids = await upsert(alice, "a", "b/c")
    (foreign,) = await upsert(bob, "x")
    await alice.put(f"/api/tags/{tag_ids[0]}/assets", {"ids": ids[:1]})

    answer = await alice.put(
        "/api/tags/assets", {"tagIds": [*tag_ids, foreign, UNKNOWN], "assetIds": [*ids, theirs]}
    )

    assert (answer.status, answer.json) == (200, {"count": 5})
    assert [await tags_of(alice, id_) for id_ in ids] == [["a", "b/c"]] * 3
    assert await tags_of(bob, theirs) == []
    nothing = await alice.put("/api/tags/assets", {"tagIds": [], "assetIds": ids})
    assert nothing.json == {"count": 0}


async def test_open_pages_are_told_of_tagged_assets_with_their_tags(alice, add_some, open_socket):
    (asset_id,) = await add_some(1)
    (tag_id,) = await upsert(alice, "a/b")
    socket = await open_socket(alice.url, **alice.headers)

    await alice.put(f"/api/tags/{tag_id}/assets", {"ids": [asset_id]})
    (tagged,) = await socket.next("on_asset_update")
    await alice.delete(f"/api/tags/{tag_id}/assets", {"ids": [asset_id]})
    (untagged,) = await socket.next("on_asset_update")

    assert (tagged["id"], [tag["value"] for tag in tagged["tags"]]) == (asset_id, ["a/b"])
    assert (untagged["id"], untagged["tags"]) == (asset_id, [])


async def test_what_is_locked_away_is_tagged_only_behind_the_pin(alice, add_some, unlocked):
    (asset_id,) = await add_some(1)
    (tag_id,) = await upsert(alice, "a")
    await alice.put(f"/api/assets/{asset_id}", {"visibility": "locked"})
    open_ = await unlocked(alice)

    refused = await alice.put(f"/api/tags/{tag_id}/assets", {"ids": [asset_id]})
    allowed = await open_.put(f"/api/tags/{tag_id}/assets", {"ids": [asset_id]})

    assert refused.json[0]["error"] == "no_permission"
    assert allowed.json[0]["success"] is True


OPERATIONS = [
    ("GET", "/tags", "tag.read", None),
    ("POST", "/tags", "tag.create", {"name": "a"}),
    ("PUT", "/tags", "tag.create", {"tags": ["a"]}),
    ("PUT", "/tags/assets", "tag.asset", {"tagIds": [], "assetIds": []}),
    ("GET", "/tags/{id}", "tag.read", None),
    ("PUT", "/tags/{id}", "tag.update", {"name": "x"}),
    ("PUT", "/tags/{id}/assets", "tag.asset", {"ids": []}),
    ("DELETE", "/tags/{id}/assets", "tag.asset", {"ids": []}),
    ("DELETE", "/tags/{id}", "tag.delete", None),
]


@pytest.mark.parametrize(("method", "path", "permission", "body"), OPERATIONS)
async def test_who_may(alice, bob, anonymous, new_key, method, path, permission, body):
    (tag_id,) = await upsert(alice, "mine")
    url = f"/api{path}".replace("{id}", tag_id)
    others = {p for _, _, p, _ in OPERATIONS} - {permission}

    nobodys = await anonymous.call(method, url, json=body)
    narrow = await (await new_key(alice, *others)).call(method, url, json=body)

    assert (nobodys.status, nobodys.message) == (401, "Authentication required")
    assert (narrow.status, narrow.message) == (403, f"Missing required permission: {permission}")
    if "{id}" in path:
        foreign = await bob.call(method, url, json=body)
        missing = await alice.call(method, url.replace(tag_id, UNKNOWN), json=body)
        assert (foreign.status, foreign.message) == (400, f"Not found or no {permission} access")
        assert (missing.status, missing.message) == (foreign.status, foreign.message)
    assert await values(alice) == ["mine"]
    allowed = await (await new_key(alice, permission)).call(method, url, json=body)
    assert allowed.status in (200, 201, 204)


async def test_nothing_is_made_below_the_tag_of_another(alice, bob):
    (theirs,) = await upsert(bob, "a")

    answer = await alice.post("/api/tags", {"name": "b", "parentId": theirs})

    assert (answer.status, answer.message) == (400, "Not found or no tag.read access")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "a/b"},
        {"name": None},
        {"name": "a", "color": "red"},
        {"name": "a", "color": "#12345"},
        {"name": "a", "color": "#fff\n"},
        {"name": "a", "parentId": "x"},
    ],
)
async def test_wrong_fields_are_named(alice, body):
    answer = await alice.post("/api/tags", body)

    assert (answer.status, answer.message) == (400, "Validation failed")
    assert await values(alice) == []


async def test_a_value_has_an_end(alice):
    parent, _ = await upsert(alice, "a" * 400, "a" * 400 + "/" + "b" * 99)

    deep = await alice.put("/api/tags", {"tags": ["a/" * 300_000 + "a"]})
    below = await alice.post("/api/tags", {"name": "c" * 100, "parentId": parent})
    longer = await alice.put(f"/api/tags/{parent}", {"name": "d" * 401})

    for answer in (deep, below, longer):
        assert (answer.status, answer.message.split(",")[0]) == (
            400,
            "A tag may have up to 500 characters",
        )


async def test_who_may_look_may_not_tag(alice, add_some, onlookers):
    ids = await add_some(2)
    seen = await onlookers(ids)

    for client in (seen.partner, seen.editor):
        (tag_id,) = await upsert(client, "mine")
        tagged = await client.put(f"/api/tags/{tag_id}/assets", {"ids": ids})
        many = await client.put("/api/tags/assets", {"tagIds": [tag_id], "assetIds": ids})
        assert [one.get("error") for one in tagged.json] == ["no_permission"] * 2
        assert many.json == {"count": 0}
    guest = await seen.guest.get("/api/tags")
    assert (guest.status, guest.message) == (403, "Forbidden")
    assert [await tags_of(alice, id_) for id_ in ids] == [[], []]
