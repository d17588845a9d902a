"""/api-keys: keys for programs."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from server.permissions import PERMISSIONS
from tests import contract

FORBIDDEN = "Cannot grant permissions you do not have"


@pytest.fixture
def make_key(anonymous):
    async def make_key(client, *permissions, **details):
        body = {"permissions": permissions, **details}
        answer = await client.post("/api/api-keys", body)
        assert answer.status == 201, answer.data
        return anonymous.using(**{"x-api-key": answer.json["secret"]}), answer.json["apiKey"]

    return make_key


@contract.needed
def test_the_permissions_are_the_contracts():
    schemas = json.loads(contract.SPEC.read_text())["components"]["schemas"]

    assert list(PERMISSIONS) == schemas["Permission"]["enum"]


async def test_a_key_is_shown_with_its_secret_once(alice):
    body = {"name": "backup", "permissions": ["asset.upload", "asset.read"]}
    answer = await alice.post("/api/api-keys", body)

    assert answer.status == 201
    key, secret = answer.json["apiKey"], answer.json["secret"]
    assert 38 <= len(secret) <= 44
    assert (key["name"], key["permissions"]) == ("backup", ["asset.upload", "asset.read"])
    assert answer.json == {"secret": secret, "apiKey": key, **key}
    for path in ("/api/api-keys", f"/api/api-keys/{key['id']}"):
        answer = await alice.get(path)
        assert answer.status == 200
        assert answer.json in (key, [key])


@pytest.mark.parametrize("name", [{}, {"name": ""}])
async def test_a_key_without_a_name_gets_one(alice, name):
    answer = await alice.post("/api/api-keys", {"permissions": ["all"], **name})

    assert answer.json["name"] == "API Key"


async def test_a_key_knows_itself(alice, make_key):
    client, key = await make_key(alice, "asset.read")

    answer = await client.get("/api/api-keys/me")
    assert (answer.status, answer.json) == (200, key)

    answer = await alice.get("/api/api-keys/me")
    assert (answer.status, answer.message) == (403, "Not authenticated with an API Key")


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    "change", [{"name": "new"}, {"permissions": ["tag.read"]}, {}, {"name": "new", "more": 1}]
)
async def test_a_key_is_changed(alice, make_key, method, change):
    _, key = await make_key(alice, "asset.read", name="old")

    answer = await alice.call(method, f"/api/api-keys/{key['id']}", json=change)

    expected = key | change
    expected.pop("more", None)
    assert answer.status == 200
    assert answer.json | {"updatedAt": None} == expected | {"updatedAt": None}


async def test_new_permissions_count_at_once(alice, make_key):
    client, key = await make_key(alice, "user.read")
    assert (await client.get("/api/users/me")).status == 200

    await alice.put(f"/api/api-keys/{key['id']}", {"permissions": ["tag.read"]})

    answer = await client.get("/api/users/me")
    assert (answer.status, answer.message) == (403, "Missing required permission: user.read")


async def test_a_rotated_key_has_another_secret(alice, anonymous, make_key):
    old, key = await make_key(alice, "user.read", name="script")

    answer = await alice.post(f"/api/api-keys/{key['id']}/rotate")

    assert answer.status == 201
    assert answer.json["apiKey"] | {"updatedAt": None} == key | {"updatedAt": None}
    new = anonymous.using(**{"x-api-key": answer.json["secret"]})
    assert (await new.get("/api/users/me")).status == 200
    assert (await old.get("/api/users/me")).message == "Invalid API key"


async def test_a_deleted_key_lets_nobody_in(alice, make_key):
    client, key = await make_key(alice, "all")

    answer = await alice.delete(f"/api/api-keys/{key['id']}")

    assert (answer.status, answer.data) == (204, b"")
    assert (await client.get("/api/users/me")).message == "Invalid API key"
    assert (await alice.get("/api/api-keys")).json == []


async def test_a_key_of_a_deleted_user_lets_nobody_in(alice, make_key, execute):
    client, _ = await make_key(alice, "all")
    await execute('UPDATE "user" SET deleted_at = now()')

    assert (await client.get("/api/users/me")).message == "Invalid API key"


# no key gives away more than it may


async def test_a_key_makes_no_key_that_may_do_more(alice, make_key):
    client, _ = await make_key(alice, "apiKey.create", "asset.read")

    for permissions in (["asset.read", "asset.delete"], ["all"], ["tag.read"]):
        answer = await client.post("/api/api-keys", {"permissions": permissions})
        assert (answer.status, answer.json) == (400, {"message": FORBIDDEN})
    assert (await client.post("/api/api-keys", {"permissions": ["asset.read"]})).status == 201


async def test_a_key_with_all_permissions_makes_any_key(alice, make_key):
    client, _ = await make_key(alice, "all")

    for permissions in (["all"], ["tag.read"], list(PERMISSIONS)):
        answer = await client.post("/api/api-keys", {"permissions": permissions})
        assert answer.status == 201


async def test_a_key_does_not_raise_itself(alice, make_key):
    client, key = await make_key(alice, "apiKey.update")

    answer = await client.put(f"/api/api-keys/{key['id']}", {"permissions": ["all"]})

    assert (answer.status, answer.message) == (400, FORBIDDEN)
    assert (await alice.get(f"/api/api-keys/{key['id']}")).json == key


async def test_a_key_does_not_get_the_secret_of_a_stronger_one(alice, make_key):
    client, own = await make_key(alice, "apiKey.rotate")
    strong, key = await make_key(alice, "all")

    answer = await client.post(f"/api/api-keys/{key['id']}/rotate")

    assert (answer.status, answer.message) == (400, FORBIDDEN)
    assert (await strong.get("/api/users/me")).status == 200
    assert (await client.post(f"/api/api-keys/{own['id']}/rotate")).status == 201


async def test_keys_of_others_are_out_of_reach(alice, bob, admin, make_key):
    client, key = await make_key(alice, "user.read")

    for path in (f"/api/api-keys/{key['id']}", f"/api/api-keys/{uuid4()}"):
        for other in (bob, admin):
            for answer in (
                await other.get(path),
                await other.put(path, {"name": "mine"}),
                await other.call("PATCH", path, json={"name": "mine"}),
                await other.post(f"{path}/rotate"),
                await other.delete(path),
            ):
                assert (answer.status, answer.json) == (400, {"message": "API Key not found"})
    assert (await bob.get("/api/api-keys")).json == []
    assert (await client.get("/api/api-keys/me")).json == key


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({}, ["permissions"], "invalid_type"),
        ({"permissions": []}, ["permissions"], "too_small"),
        ({"permissions": ["asset.*"]}, ["permissions", 0], "invalid_value"),
        ({"permissions": ["all", "x"]}, ["permissions", 1], "invalid_value"),
        ({"permissions": "all"}, ["permissions"], "invalid_type"),
        ({"permissions": ["all"], "name": 1}, ["name"], "invalid_type"),
    ],
)
async def test_a_key_is_asked_for_rightly(alice, body, path, code):
    answer = await alice.post("/api/api-keys", body)

    assert answer.status == 400
    assert [(one["path"], one["code"]) for one in answer.json["errors"]] == [(path, code)]
    assert (await alice.get("/api/api-keys")).json == []
