"""/users/me/license and /server/license: kept and shown, and of no consequence."""

from __future__ import annotations

import pytest

MINE, SERVER = "/api/users/me/license", "/api/server/license"
BODY = {"activationKey": "abc"}
PARTS = "-AbC1" * 8
CLIENT_KEY, SERVER_KEY = f"IMCL{PARTS}", f"IMSV{PARTS}"


async def test_one_keeps_a_key(alice, bob, following):
    missing = await alice.get(MINE)
    assert (missing.status, missing.json) == (404, {"message": "Not Found"})

    answer = await alice.put(MINE, BODY | {"licenseKey": CLIENT_KEY})

    assert answer.status == 200
    assert answer.json == BODY | {
        "licenseKey": CLIENT_KEY, "activatedAt": answer.json["activatedAt"]
    }  # fmt: skip
    assert (await alice.get(MINE)).json == answer.json
    assert (await alice.get("/api/users/me")).json["license"] == answer.json
    assert (await bob.get(MINE)).status == 404
    await following()
    (line,) = [
        one["data"]
        for one in await alice.sync("UserMetadataV1")
        if one["type"] == "UserMetadataV1" and one["data"]["key"] == "license"
    ]
    assert line["value"] == answer.json


async def test_a_key_is_given_back(alice):
    await alice.put(MINE, BODY | {"licenseKey": SERVER_KEY})

    assert (await alice.delete(MINE)).status == 204
    assert (await alice.get(MINE)).status == 404
    assert (await alice.get("/api/users/me")).json["license"] is None
    assert (await alice.delete(MINE)).status == 204


async def test_the_server_keeps_a_key(admin, alice):
    async def is_licensed():
        return (await alice.get("/api/server/about")).json["licensed"]

    assert (await admin.get(SERVER)).status == 404
    assert await is_licensed() is False

    answer = await admin.put(SERVER, BODY | {"licenseKey": SERVER_KEY})

    assert answer.status == 200
    assert (await admin.get(SERVER)).json == answer.json
    assert await is_licensed() is True
    assert (await admin.get(MINE)).status == 404
    assert (await admin.delete(SERVER)).status == 204
    assert (await admin.get(SERVER)).status == 404
    assert await is_licensed() is False
    assert (await admin.delete(SERVER)).status == 204


@pytest.mark.parametrize(
    "key",
    ["", "IMCL", f"IMXX{PARTS}", f"IMCL{PARTS}-0000", f"IMCL{PARTS[:-5]}", f"IMCL{PARTS}\n",
     f"IMCL{PARTS[:-1]}!", f" IMCL{PARTS}", 7, None],
)  # fmt: skip
async def test_what_is_no_key_is_refused(admin, key):
    for path in (MINE, SERVER):
        answer = await admin.put(path, BODY | {"licenseKey": key})
        assert (answer.status, answer.message) == (400, "Validation failed")
        assert answer.json["errors"][0]["path"] == ["licenseKey"]
        assert (await admin.get(path)).status == 404


async def test_a_server_takes_no_key_of_a_client(admin):
    answer = await admin.put(SERVER, BODY | {"licenseKey": CLIENT_KEY})

    assert (answer.status, answer.json) == (400, {"message": "Invalid license key"})


async def test_who_may(anonymous, admin, alice, new_key, add, share, visit):
    guest = visit(await share(assetIds=[await add()]))
    weak = await new_key(admin, "user.read")
    body = BODY | {"licenseKey": SERVER_KEY}
    for path, name in ((MINE, "userLicense"), (SERVER, "serverLicense")):
        for method, action, status in (
            ("PUT", "update", 200), ("GET", "read", 200), ("DELETE", "delete", 204)
        ):  # fmt: skip
            assert (await anonymous.call(method, path, json=body)).status == 401
            assert (await guest.call(method, path, json=body)).status == 403
            refused = await weak.call(method, path, json=body)
            assert refused.message == f"Missing required permission: {name}.{action}"
            key = await new_key(admin, f"{name}.{action}")
            assert (await key.call(method, path, json=body)).status == status
    for method in ("GET", "PUT", "DELETE"):
        refused = await alice.call(method, SERVER, json=body)
        assert (refused.status, refused.message) == (403, "Forbidden")
