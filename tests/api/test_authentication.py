"""/auth: signing up, logging in and out, through real requests."""

from __future__ import annotations

import asyncio
import hashlib
from http.cookies import Morsel
from uuid import UUID

import bcrypt
import pytest
from multidict import CIMultiDict

from server import cookies
from server.context import CONTEXT
from sync.config import Config, Switch
from tests.fix_server import PASSWORD

LOGIN = "/api/auth/login"
PHONE = {"User-Agent": "immich-android/3.1.0", "deviceModel": "Pixel 8", "deviceType": "Android"}
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
SIGN_UP = {"email": "Ada@Example.org", "password": "long enough", "name": "Ada"}


async def log_in(anonymous, user, password=PASSWORD, **headers):
    body = {"email": user["email"], "password": password}
    return await anonymous.using(**headers).post(LOGIN, body)


def bearer(anonymous, answer):
    return anonymous.using(Authorization=f"Bearer {answer.json['accessToken']}")


async def session_of(client):
    answer = await client.get("/api/sessions")
    return next(one for one in answer.json if one["current"])


async def test_a_login_answers_who_came_in(anonymous, alice):
    answer = await log_in(anonymous, alice.user)

    assert answer.status == 201
    token = answer.json["accessToken"]
    assert 38 <= len(token) <= 44
    assert token.isalnum()
    assert {key: value for key, value in answer.json.items() if key != "accessToken"} == {
        "userId": alice.user["id"],
        "userEmail": alice.user["email"],
        "name": "Alice",
        "profileImagePath": "",
        "isAdmin": False,
        "shouldChangePassword": True,
        "isOnboarded": False,
    }


async def test_a_login_sets_three_cookies_that_work_on_a_lan(anonymous, alice):
    answer = await log_in(anonymous, alice.user)
    set_cookies: dict[str, Morsel[str]] = dict(answer.cookies)

    assert {name: morsel.value for name, morsel in set_cookies.items()} == {
        "immich_access_token": answer.json["accessToken"],
        "immich_auth_type": "password",
        "immich_is_authenticated": "true",
    }
    for name, morsel in set_cookies.items():
        assert morsel["path"] == "/"
        assert morsel["max-age"] == str(400 * 24 * 60 * 60)
        assert morsel["samesite"] == "Lax"
        assert bool(morsel["httponly"]) == (name != "immich_is_authenticated")
        assert not morsel["secure"]
        assert not morsel["domain"]


@pytest.mark.parametrize(
    ("forwarded", "is_secure"),
    [("https", True), ("HTTPS", True), ("https, http", True), ("http, https", False),
     ("http", False), ("", False)],
)  # fmt: skip
async def test_cookies_are_secure_behind_a_proxy_with_tls(anonymous, alice, forwarded, is_secure):
    answer = await log_in(anonymous, alice.user, **{"X-Forwarded-Proto": forwarded})

    assert [bool(morsel["secure"]) for morsel in answer.cookies.values()] == [is_secure] * 3


@pytest.mark.parametrize(
    ("peer", "is_secure"),
    [("127.0.0.1", True), ("::1", True), ("10.1.2.3", True), ("192.168.1.1", True),
     ("172.16.0.1", True), ("169.254.1.1", True), ("fe80::1", True), ("fd00::1", True),
     ("::ffff:192.168.1.1", True), ("8.8.8.8", False), ("::ffff:8.8.8.8", False),
     ("2001:4860:4860::8888", False), ("172.32.0.1", False), (None, False), ("", False)],
)  # fmt: skip
def test_only_a_proxy_nearby_is_believed(peer, is_secure):
    class Request:
        secure = False
        headers = CIMultiDict({"x-forwarded-proto": "https"})
        remote = peer

    assert cookies.is_secure(Request()) == is_secure


async def test_the_cookies_alone_authenticate(anonymous, alice):
    answer = await log_in(anonymous, alice.user)
    header = "; ".join(f"{name}={morsel.value}" for name, morsel in answer.cookies.items())

    assert (await anonymous.using(Cookie=header).get("/api/users/me")).status == 200


async def test_an_email_is_not_case_sensitive(anonymous, alice):
    user = {"email": alice.user["email"].upper()}

    assert (await log_in(anonymous, user)).status == 201


@pytest.mark.parametrize("change", [{"email": "nobody@example.org"}, {"password": "wrong"}])
async def test_a_wrong_login_does_not_tell_what_was_wrong(anonymous, alice, change):
    body = {"email": alice.user["email"], "password": PASSWORD} | change
    answer = await anonymous.post(LOGIN, body)

    assert (answer.status, answer.json) == (401, {"message": "Incorrect email or password"})
    assert not answer.cookies


async def test_a_user_without_a_password_cannot_log_in_with_one(anonymous, alice, execute):
    await execute('UPDATE "user" SET password = NULL WHERE id = %s', alice.user["id"])

    for password in ("", PASSWORD):
        assert (await log_in(anonymous, alice.user, password)).status == 401


async def test_a_deleted_user_is_out(anonymous, alice, execute):
    await execute('UPDATE "user" SET deleted_at = now() WHERE id = %s', alice.user["id"])

    answer = await alice.get("/api/users/me")
    assert (answer.status, answer.message) == (401, "Invalid user token")
    assert (await log_in(anonymous, alice.user)).message == "Incorrect email or password"


async def test_an_unknown_user_costs_as_much_work_as_a_known_one(anonymous, alice, monkeypatch):
    """Whether there is such a user must not show in the time: both compare one hash."""
    assert (await alice.put("/api/users/me", {"password": PASSWORD})).status == 200
    compared = []
    real = bcrypt.checkpw
    monkeypatch.setattr(bcrypt, "checkpw", lambda *a: compared.append(a[1]) or real(*a))

    await log_in(anonymous, alice.user, "wrong")
    await log_in(anonymous, {"email": "nobody@example.org"}, "wrong")

    known, unknown = compared
    assert known != unknown
    assert known[:7] == unknown[:7] == b"$2b$10$"


async def test_a_password_longer_than_bcrypt_reads_works(anonymous, alice):
    long = "ä" * 100
    assert (await alice.put("/api/users/me", {"password": long})).status == 200

    assert (await log_in(anonymous, alice.user, long)).status == 201


async def test_password_login_can_be_switched_off(anonymous, alice, server):
    server.app[CONTEXT].config = Config(password_login=Switch(enabled=False))

    answer = await log_in(anonymous, alice.user)
    assert (answer.status, answer.message) == (401, "Password login has been disabled")
    assert (await alice.get("/api/users/me")).status == 200


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (PHONE, ("Pixel 8", "Android", "3.1.0")),
        ({"User-Agent": "Immich_Android_1.94.0"}, ("Generic Smartphone", "Android", "1.94.0")),
        ({"User-Agent": "immich-unknown/2.0.0-rc.1"}, ("", "", "2.0.0-rc.1")),
        ({"User-Agent": FIREFOX}, ("Firefox", "Linux", None)),
        ({"User-Agent": ""}, ("", "", None)),
    ],
)
async def test_a_session_names_its_device(anonymous, alice, headers, expected):
    answer = await log_in(anonymous, alice.user, **headers)
    session = await session_of(bearer(anonymous, answer))

    assert (session["deviceType"], session["deviceOS"], session["appVersion"]) == expected


async def test_each_login_is_a_session_of_its_own(anonymous, alice):
    for _ in range(2):
        assert (await log_in(anonymous, alice.user, **PHONE)).status == 201

    assert len((await alice.get("/api/sessions")).json) == 3


async def test_no_secret_is_stored_as_it_is(anonymous, alice, execute, query):
    assert (await alice.put("/api/users/me", {"password": PASSWORD})).status == 200
    answer = await log_in(anonymous, alice.user)
    token = answer.json["accessToken"]
    key = (await alice.post("/api/api-keys", {"permissions": ["all"]})).json["secret"]

    hashes = [bytes(row["token_hash"]) for row in await query("SELECT token_hash FROM session")]
    assert hashlib.sha256(token.encode()).digest() in hashes
    (row,) = await query("SELECT key_hash FROM api_key")
    assert bytes(row["key_hash"]) == hashlib.sha256(key.encode()).digest()
    (row,) = await query('SELECT password FROM "user"')
    assert row["password"].startswith("$2b$10$")
    for table in ('"user"', "session", "api_key", "log", "log_staging", "state", "user_metadata"):
        for row in await query(f"SELECT whole::text AS line FROM {table} AS whole"):
            for secret in (token, key, PASSWORD):
                assert secret not in row["line"]
                assert secret.encode().hex() not in row["line"]


async def test_a_token_of_one_login_is_never_made_again(anonymous, alice):
    tokens = {(await log_in(anonymous, alice.user)).json["accessToken"] for _ in range(5)}

    assert len(tokens) == 5


# signing up


async def test_the_first_to_sign_up_is_the_administrator(anonymous):
    answer = await anonymous.post("/api/auth/admin-sign-up", SIGN_UP)

    assert answer.status == 201
    assert not answer.cookies
    user = answer.json
    assert UUID(user["id"]).version == 4
    assert (user["email"], user["name"]) == ("ada@example.org", "Ada")
    assert user["isAdmin"] is True
    assert user["shouldChangePassword"] is True
    assert user["storageLabel"] == "admin"
    assert user["status"] == "active"
    assert user["quotaSizeInBytes"] is None
    assert user["quotaUsageInBytes"] == 0
    assert user["license"] is None
    assert user["deletedAt"] is None
    assert user["oauthId"] == ""
    assert user["profileImagePath"] == ""
    login = await log_in(anonymous, SIGN_UP, SIGN_UP["password"])
    assert login.json["isAdmin"] is True


async def test_nobody_signs_up_twice(anonymous):
    assert (await anonymous.post("/api/auth/admin-sign-up", SIGN_UP)).status == 201

    answer = await anonymous.post("/api/auth/admin-sign-up", SIGN_UP | {"email": "b@example.org"})
    assert (answer.status, answer.json) == (400, {"message": "The server already has an admin"})


@pytest.mark.parametrize("is_same", [True, False])
async def test_of_many_who_sign_up_at_once_one_wins(anonymous, query, is_same):
    emails = ["a@example.org" if is_same else f"a{number}@example.org" for number in range(6)]

    answers = await asyncio.gather(
        *(anonymous.post("/api/auth/admin-sign-up", SIGN_UP | {"email": e}) for e in emails)
    )

    assert sorted(answer.status for answer in answers) == [201] + [400] * 5
    refused = {answer.message for answer in answers if answer.status == 400}
    assert refused == {"The server already has an admin"}
    assert len(await query('SELECT id FROM "user"')) == 1


# logging out


async def test_a_logout_ends_the_session_and_clears_the_cookies(anonymous, alice):
    login = await log_in(anonymous, alice.user)
    client = bearer(anonymous, login)

    answer = await client.post("/api/auth/logout")

    assert answer.status == 200
    assert answer.json == {"successful": True, "redirectUri": "/auth/login?autoLaunch=0"}
    assert set(answer.cookies) == {
        "immich_access_token", "immich_auth_type", "immich_is_authenticated"
    }  # fmt: skip
    for morsel in answer.cookies.values():
        assert (morsel.value, morsel["path"], morsel["max-age"]) == ("", "/", "0")
    assert (await client.get("/api/users/me")).message == "Invalid user token"
    assert (await alice.get("/api/users/me")).status == 200


async def test_a_logout_with_a_key_ends_nothing(anonymous, alice):
    secret = (await alice.post("/api/api-keys", {"permissions": ["all"]})).json["secret"]
    client = anonymous.using(**{"x-api-key": secret})

    assert (await client.post("/api/auth/logout")).status == 200
    assert (await client.get("/api/users/me")).status == 200
    assert (await alice.get("/api/users/me")).status == 200


# the password


async def test_a_new_password_ends_all_other_sessions(anonymous, alice):
    other = bearer(anonymous, await log_in(anonymous, alice.user))
    body = {"password": PASSWORD, "newPassword": "something else"}

    answer = await alice.post("/api/auth/change-password", body)

    assert answer.status == 200
    assert answer.json["id"] == alice.user["id"]
    assert (await alice.get("/api/users/me")).status == 200
    assert (await other.get("/api/users/me")).message == "Invalid user token"
    assert (await log_in(anonymous, alice.user)).status == 401
    assert (await log_in(anonymous, alice.user, "something else")).status == 201


async def test_the_old_password_must_be_right(anonymous, alice):
    other = bearer(anonymous, await log_in(anonymous, alice.user))
    body = {"password": "wrong", "newPassword": "something else"}

    answer = await alice.post("/api/auth/change-password", body)

    assert (answer.status, answer.json) == (400, {"message": "Wrong password"})
    assert (await other.get("/api/users/me")).status == 200
    assert (await log_in(anonymous, alice.user)).status == 201


async def test_a_session_opened_from_another_survives_its_own_password_change(anonymous, alice):
    token = (await alice.post("/api/sessions", {})).json["token"]
    child = anonymous.using(**{"x-immich-session-token": token})
    body = {"password": PASSWORD, "newPassword": "something else"}

    assert (await child.post("/api/auth/change-password", body)).status == 200
    assert (await child.get("/api/users/me")).status == 200
    assert (await alice.get("/api/users/me")).status == 401


# what is known of who asks


async def test_a_token_is_validated(alice, anonymous):
    answer = await alice.post("/api/auth/validateToken")
    assert (answer.status, answer.json) == (200, {"authStatus": True})

    answer = await anonymous.post("/api/auth/validateToken")
    assert (answer.status, answer.json) == (401, {"message": "Authentication required"})


async def test_the_status_of_a_session(anonymous, alice, execute):
    answer = await alice.get("/api/auth/status")
    assert answer.json == {"pinCode": False, "password": True, "isElevated": False}

    token = (await alice.post("/api/sessions", {"duration": 60})).json["token"]
    child = anonymous.using(**{"x-immich-user-token": token})
    await execute("UPDATE \"user\" SET pin_code = 'x', password = NULL")
    await execute("UPDATE session SET pin_expires_at = now() + '5 min' WHERE parent_id IS NOT NULL")
    answer = await child.get("/api/auth/status")
    assert answer.json["pinCode"] is answer.json["isElevated"] is True
    assert answer.json["password"] is False
    assert answer.json["expiresAt"] < answer.json["pinExpiresAt"]


async def test_onboarding_that_says_nothing_keeps_nobody_out(anonymous, alice, execute):
    """Kept by another version, or written by hand."""
    await execute(
        "INSERT INTO user_metadata (user_id, key, value) VALUES (%s, 'onboarding', '{}')",
        alice.user["id"],
    )
    await execute("INSERT INTO system_metadata (key, value) VALUES ('admin-onboarding', '{}')")

    answer = await anonymous.post(
        "/api/auth/login", {"email": alice.user["email"], "password": PASSWORD}
    )

    assert (answer.status, answer.json["isOnboarded"]) == (201, False)
    assert (await anonymous.get("/api/server/config")).json["isOnboarded"] is False
