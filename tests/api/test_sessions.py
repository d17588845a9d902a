"""/sessions: where a user is logged in."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

from tests.fix_server import PASSWORD

CHILD = {"deviceType": "TV", "deviceOS": "webOS"}


async def open_child(anonymous, client, **details):
    answer = await client.post("/api/sessions", CHILD | details)
    assert answer.status == 201, answer.data
    return anonymous.using(**{"x-immich-session-token": answer.json["token"]}), answer.json


async def log_in(anonymous, user):
    answer = await anonymous.post("/api/auth/login", {"email": user["email"], "password": PASSWORD})
    return anonymous.using(Authorization=f"Bearer {answer.json['accessToken']}")


async def list_ids(client):
    return [one["id"] for one in (await client.get("/api/sessions")).json]


async def current(client):
    answer = await client.get("/api/sessions")
    return next(one for one in answer.json if one["current"])


def moment(text):
    return datetime.fromisoformat(text)


async def test_only_ones_own_sessions_are_listed(anonymous, alice, bob):
    other = await log_in(anonymous, alice.user)

    answer = await alice.get("/api/sessions")

    assert answer.status == 200
    assert sorted(one["current"] for one in answer.json) == [False, True]
    assert set(await list_ids(other)) == set(await list_ids(alice))
    assert not set(await list_ids(bob)) & set(await list_ids(alice))
    assert all("expiresAt" not in one and "token" not in one for one in answer.json)


async def test_the_last_used_comes_first(anonymous, alice, execute):
    other = await log_in(anonymous, alice.user)
    first, second = (await current(alice))["id"], (await current(other))["id"]
    await execute(
        "UPDATE session SET updated_at = now() - '10 min'::interval WHERE id = %s", second
    )

    assert await list_ids(alice) == [first, second]


async def test_a_session_in_use_is_noted_once_an_hour(alice, execute):
    before = await current(alice)
    await execute("UPDATE session SET updated_at = now() - '50 min'::interval")
    quiet = await current(alice)
    await execute("UPDATE session SET updated_at = now() - '70 min'::interval")
    used = await current(alice)

    assert moment(before["updatedAt"]) - moment(quiet["updatedAt"]) > timedelta(minutes=49)
    assert moment(used["updatedAt"]) >= moment(before["updatedAt"])


async def test_a_new_version_of_the_app_is_noted(alice):
    phone = alice.using(**alice.headers, **{"User-Agent": "immich-ios/3.2.0"})

    assert (await current(alice))["appVersion"] is None
    assert (await current(phone))["appVersion"] == "3.2.0"
    assert (await current(alice))["appVersion"] == "3.2.0"


# sessions opened from another


async def test_a_session_opens_another(anonymous, alice):
    child, session = await open_child(anonymous, alice, duration=3600)

    assert (session["deviceType"], session["deviceOS"]) == ("TV", "webOS")
    assert session["current"] is session["isPendingSyncReset"] is False
    lasts = moment(session["expiresAt"]) - moment(session["createdAt"])
    assert lasts == timedelta(hours=1)
    assert (await child.get("/api/users/me")).json["id"] == alice.user["id"]
    assert (await current(child))["id"] == session["id"]


async def test_a_session_without_a_duration_has_no_end(anonymous, alice):
    _, session = await open_child(anonymous, alice)

    assert "expiresAt" not in session


async def test_a_session_of_a_million_years_can_be_shown(anonymous, alice):
    await open_child(anonymous, alice, duration=2**53 - 1)

    assert len(await list_ids(alice)) == 2


async def test_a_session_that_is_over_lets_nobody_in(anonymous, alice, execute):
    child, session = await open_child(anonymous, alice, duration=60)
    await execute("UPDATE session SET expires_at = now() WHERE id = %s", session["id"])

    assert (await child.get("/api/users/me")).message == "Invalid user token"
    assert session["id"] not in await list_ids(alice)


async def test_no_session_outlives_the_one_that_opened_it(anonymous, alice):
    child, session = await open_child(anonymous, alice, duration=60)
    _, longer = await open_child(anonymous, child, duration=3600)
    _, endless = await open_child(anonymous, child)

    assert longer["expiresAt"] == endless["expiresAt"] == session["expiresAt"]


async def test_a_session_ends_with_all_that_it_opened(anonymous, alice):
    parent = await log_in(anonymous, alice.user)
    child, _ = await open_child(anonymous, parent)
    grandchild, _ = await open_child(anonymous, child)

    await parent.post("/api/auth/logout")

    for client in (parent, child, grandchild):
        assert (await client.get("/api/users/me")).message == "Invalid user token"
    assert len(await list_ids(alice)) == 1


async def test_the_log_names_every_session_that_ended(anonymous, alice, query):
    _, child = await open_child(anonymous, alice)
    ids = {*await list_ids(alice)}
    assert child["id"] in ids

    await alice.post("/api/auth/logout")
    rows = await query(
        "SELECT entity_ids FROM log WHERE topic = 'session.deleted'"
        " UNION ALL SELECT entity_ids FROM log_staging WHERE topic = 'session.deleted'"
    )

    assert {str(one) for row in rows for one in row["entity_ids"]} == ids


async def test_an_api_key_opens_no_session(anonymous, alice):
    secret = (await alice.post("/api/api-keys", {"permissions": ["all"]})).json["secret"]

    answer = await anonymous.using(**{"x-api-key": secret}).post("/api/sessions", CHILD)

    assert answer.status == 400
    assert answer.message == "This endpoint can only be used with a session token"


# changing and ending


async def test_a_device_can_be_told_to_start_anew(alice):
    session_id = (await current(alice))["id"]

    for method in ("PUT", "PATCH"):
        for is_pending in (True, False):
            answer = await alice.call(
                method, f"/api/sessions/{session_id}", json={"isPendingSyncReset": is_pending}
            )
            assert answer.status == 200
            assert answer.json["isPendingSyncReset"] is is_pending
            assert answer.json["current"] is True


async def test_a_change_of_nothing_is_refused(alice):
    answer = await alice.put(f"/api/sessions/{(await current(alice))['id']}", {"more": 1})

    assert (answer.status, answer.json) == (400, {"message": "No fields to update"})


async def test_one_session_is_ended(anonymous, alice):
    other = await log_in(anonymous, alice.user)

    answer = await alice.delete(f"/api/sessions/{(await current(other))['id']}")

    assert (answer.status, answer.data) == (204, b"")
    assert (await other.get("/api/users/me")).status == 401
    assert (await alice.get("/api/users/me")).status == 200


async def test_all_others_are_ended(anonymous, alice, bob):
    others = [await log_in(anonymous, alice.user) for _ in range(2)]

    assert (await alice.delete("/api/sessions")).status == 204

    assert [(await client.get("/api/users/me")).status for client in others] == [401, 401]
    assert [(await client.get("/api/users/me")).status for client in (alice, bob)] == [200, 200]


async def test_one_that_was_opened_from_another_can_end_that(anonymous, alice):
    child, _ = await open_child(anonymous, alice, duration=60)

    assert (await child.delete("/api/sessions")).status == 204

    assert (await alice.get("/api/users/me")).status == 401
    assert "expiresAt" in await current(child)


async def test_sessions_of_others_are_out_of_reach(alice, bob, admin):
    session_id = (await current(alice))["id"]

    for path in (f"/api/sessions/{session_id}", f"/api/sessions/{uuid4()}"):
        for client in (bob, admin):
            answer = await client.delete(path)
            assert answer.status == 400
            assert answer.message == "Not found or no authDevice.delete access"
            for body in ({"isPendingSyncReset": True}, {}):
                answer = await client.put(path, body)
                assert answer.status == 400
                assert answer.message == "Not found or no session.update access"
    session = await current(alice)
    assert session["id"] == session_id
    assert session["isPendingSyncReset"] is False
