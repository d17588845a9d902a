"""/auth/pin-code, /auth/session and /sessions/{id}/lock: who sees the locked folder."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.fix_server import PASSWORD

PIN, OTHER = "123456", "654321"
CODE = "/api/auth/pin-code"
UNLOCK, LOCK = "/api/auth/session/unlock", "/api/auth/session/lock"


async def set_up(client):
    answer = await client.post(CODE, {"pinCode": PIN})
    assert (answer.status, answer.data) == (204, b"")


async def unlock(client, pin=PIN):
    return await client.post(UNLOCK, {"pinCode": pin})


async def status_of(client):
    return (await client.get("/api/auth/status")).json


async def is_elevated(client):
    return (await status_of(client))["isElevated"]


async def session_of(client):
    (session,) = [one for one in (await client.get("/api/sessions")).json if one["current"]]
    return session["id"]


@pytest.fixture
async def locked_asset(alice, add):
    asset_id = await add()
    answer = await alice.put("/api/assets", {"ids": [asset_id], "visibility": "locked"})
    assert answer.status == 204
    return asset_id


# the code


async def test_a_code_is_set_once(alice, query):
    assert (await status_of(alice))["pinCode"] is False

    await set_up(alice)

    assert (await status_of(alice))["pinCode"] is True
    again = await alice.post(CODE, {"pinCode": OTHER})
    assert (again.status, again.json) == (400, {"message": "User already has a PIN code"})
    assert (await unlock(alice)).status == 204
    ((kept),) = [row["pin_code"] for row in await query('SELECT pin_code FROM "user"')]
    assert kept.startswith("$2b$10$")


@pytest.mark.parametrize("pin", ["12345", "1234567", "12345a", "", "123456\n", "١٢٣٤٥٦", 123456])
async def test_a_code_is_six_digits(alice, pin):
    answer = await alice.post(CODE, {"pinCode": pin})

    assert (answer.status, answer.message) == (400, "Validation failed")
    assert answer.json["errors"][0]["path"] == ["pinCode"]
    assert (await status_of(alice))["pinCode"] is False


async def test_the_app_mirrors_that_there_is_a_code(alice, following):
    await set_up(alice)
    await following()

    (line,) = [one for one in await alice.sync("AuthUsersV1") if one["type"] == "AuthUserV1"]
    assert line["data"]["pinCode"] not in (None, PIN)


@pytest.mark.parametrize("proof", [{"pinCode": PIN}, {"password": PASSWORD}])
async def test_a_code_is_changed(alice, proof):
    await set_up(alice)

    answer = await alice.put(CODE, {"newPinCode": OTHER, **proof})

    assert (answer.status, answer.data) == (204, b"")
    assert (await unlock(alice)).message == "Wrong PIN code"
    assert (await unlock(alice, OTHER)).status == 204


@pytest.mark.parametrize("proof", [{"pinCode": PIN}, {"password": PASSWORD}])
async def test_without_a_code_every_session_is_locked(alice, log_in, proof):
    await set_up(alice)
    other = await log_in(alice)
    for client in (alice, other):
        assert (await unlock(client)).status == 204

    answer = await alice.delete(CODE, proof)

    assert (answer.status, answer.data) == (204, b"")
    assert (await status_of(alice))["pinCode"] is False
    assert not await is_elevated(alice)
    assert not await is_elevated(other)
    await set_up(alice)


async def test_another_code_locks_the_sessions_that_the_old_one_opened(alice, log_in):
    await set_up(alice)
    other = await log_in(alice)
    for client in (alice, other):
        await unlock(client)

    await alice.put(CODE, {"newPinCode": OTHER, "pinCode": PIN})

    assert await is_elevated(alice)
    assert not await is_elevated(other)


@pytest.mark.parametrize(
    ("proof", "message"),
    [
        ({}, "Either password or pinCode is required"),
        ({"pinCode": OTHER}, "Wrong PIN code"),
        ({"password": "no"}, "Wrong password"),
        ({"password": "no", "pinCode": PIN}, "Wrong password"),  # it counts where both are given
        ({"password": "", "pinCode": OTHER}, "Wrong PIN code"),
    ],
)
async def test_nothing_changes_without_a_secret(alice, proof, message):
    await set_up(alice)

    for answer in (
        await alice.put(CODE, {"newPinCode": OTHER, **proof}),
        await alice.delete(CODE, proof),
    ):
        assert (answer.status, answer.json) == (400, {"message": message})
    assert (await unlock(alice)).status == 204


async def test_there_must_be_a_code(alice):
    for answer in (
        await alice.put(CODE, {"newPinCode": OTHER, "password": PASSWORD}),
        await alice.delete(CODE, {"password": PASSWORD}),
        await unlock(alice),
    ):
        assert (answer.status, answer.json) == (400, {"message": "User does not have a PIN code"})


# what it opens


async def test_a_session_is_unlocked_for_a_quarter_of_an_hour(alice, log_in, locked_asset):
    other = await log_in(alice)
    await set_up(alice)
    assert (await alice.get(f"/api/assets/{locked_asset}")).status == 400

    answer = await unlock(alice)

    assert (answer.status, answer.data) == (204, b"")
    status = await status_of(alice)
    left = datetime.fromisoformat(status["pinExpiresAt"]) - datetime.now(UTC)
    assert timedelta(minutes=14) < left <= timedelta(minutes=15)
    assert status["isElevated"] is True
    assert (await alice.get(f"/api/assets/{locked_asset}")).status == 200
    assert (await other.get(f"/api/assets/{locked_asset}")).status == 400


@pytest.mark.parametrize(
    "body", [{"pinCode": OTHER}, {"pinCode": OTHER, "password": PASSWORD}], ids=["pin", "both"]
)
async def test_only_the_code_unlocks(alice, body):
    await set_up(alice)

    assert (await alice.post(UNLOCK, body)).message == "Wrong PIN code"
    answer = await alice.post(UNLOCK, {"password": PASSWORD})
    assert (answer.status, answer.message) == (400, "Either password or pinCode is required")
    assert not await is_elevated(alice)


async def test_a_session_is_locked_again(alice, locked_asset):
    await set_up(alice)
    await unlock(alice)

    answer = await alice.post(LOCK)

    assert (answer.status, answer.data) == (204, b"")
    status = await status_of(alice)
    assert status["isElevated"] is False
    assert "pinExpiresAt" not in status
    assert (await alice.get(f"/api/assets/{locked_asset}")).status == 400
    assert (await alice.post(LOCK)).status == 204


async def test_another_session_is_locked_from_afar(alice, log_in):
    await set_up(alice)
    other = await log_in(alice)
    for client in (alice, other):
        await unlock(client)

    answer = await alice.post(f"/api/sessions/{await session_of(other)}/lock")

    assert (answer.status, answer.data) == (204, b"")
    assert not await is_elevated(other)
    assert await is_elevated(alice)


async def test_nobody_locks_the_session_of_another(alice, bob):
    await set_up(alice)
    await unlock(alice)

    for session_id in (await session_of(alice), uuid4()):
        answer = await bob.post(f"/api/sessions/{session_id}/lock")
        assert (answer.status, answer.message) == (400, "Not found or no session.lock access")
    assert await is_elevated(alice)


@pytest.mark.parametrize(("minutes", "expected"), [(14, 14), (6, 6), (4, 5), (1, 5)])
async def test_a_session_in_use_stays_unlocked_for_five_minutes(alice, execute, minutes, expected):
    await set_up(alice)
    await unlock(alice)
    await execute("UPDATE session SET pin_expires_at = now() + make_interval(mins => %s)", minutes)

    await alice.get("/api/users/me")

    ends = datetime.fromisoformat((await status_of(alice))["pinExpiresAt"])
    left = ends - datetime.now(UTC)
    assert timedelta(minutes=expected - 1) < left <= timedelta(minutes=expected)


async def test_time_locks_a_session(alice, execute, locked_asset):
    await set_up(alice)
    await unlock(alice)
    await execute("UPDATE session SET pin_expires_at = now()")

    assert (await alice.get(f"/api/assets/{locked_asset}")).status == 400
    assert not await is_elevated(alice)
    answer = await alice.get("/api/timeline/buckets", visibility="locked")
    assert (answer.status, answer.message) == (401, "Elevated permission is required")


async def test_a_session_opened_from_an_unlocked_one_is_locked(anonymous, alice):
    await set_up(alice)
    await unlock(alice)

    token = (await alice.post("/api/sessions", {})).json["token"]

    assert not await is_elevated(anonymous.using(Authorization=f"Bearer {token}"))


async def test_a_login_never_brings_an_unlocked_session(alice, log_in):
    await set_up(alice)
    await unlock(alice)

    assert not await is_elevated(await log_in(alice))


# who may


async def test_a_key_sees_no_locked_folder(alice, new_key):
    await set_up(alice)
    strong, weak = await new_key(alice, "all"), await new_key(alice, "pinCode.create")

    for path, body in ((UNLOCK, {"pinCode": PIN}), (LOCK, None)):
        answer = await strong.post(path, body)
        assert answer.status == 400
        assert answer.message == "This endpoint can only be used with a session token"
        answer = await weak.post(path, body)
        assert (answer.status, answer.message) == (403, "Missing required permission: all")


async def test_a_key_needs_the_permission_for_each(alice, new_key):
    session_id = await session_of(alice)
    proof = {"password": PASSWORD, "newPinCode": OTHER}
    calls = (
        ("POST", CODE, {"pinCode": PIN}, "pinCode.create"),
        ("PUT", CODE, proof, "pinCode.update"),
        ("DELETE", CODE, proof, "pinCode.delete"),
        ("POST", f"/api/sessions/{session_id}/lock", None, "session.lock"),
    )
    weak = await new_key(alice, "user.read")
    for method, path, body, permission in calls:
        answer = await weak.call(method, path, json=body)
        assert answer.message == f"Missing required permission: {permission}"
        strong = await new_key(alice, permission)
        assert (await strong.call(method, path, json=body)).status == 204


async def test_strangers_and_guests_have_no_code(anonymous, alice, add, share, visit):
    guest = visit(await share(assetIds=[await add()]))
    for method, path in (
        ("POST", CODE), ("PUT", CODE), ("DELETE", CODE), ("POST", UNLOCK), ("POST", LOCK),
        ("POST", f"/api/sessions/{uuid4()}/lock"),
    ):  # fmt: skip
        assert (await anonymous.call(method, path, json={})).status == 401
        assert (await guest.call(method, path, json={})).status == 403
