"""Every carrier of a credential, which of them counts, and what each may do."""

from __future__ import annotations

import asyncio
import base64
import re
from uuid import uuid4

import pytest

from server.endpoint import ENDPOINTS
from server.permissions import PERMISSIONS
from tests.fix_server import PASSWORD

ME = "/api/users/me"
INVALID = {
    "link": "Invalid share key",
    "slug": "Invalid share slug",
    "session": "Invalid user token",
    "key": "Invalid API key",
}
# In the order in which they count.
CARRIERS = [
    ("link", "header", "x-immich-share-key"),
    ("link", "query", "key"),
    ("slug", "header", "x-immich-share-slug"),
    ("slug", "query", "slug"),
    ("session", "header", "x-immich-user-token"),
    ("session", "header", "x-immich-session-token"),
    ("session", "query", "sessionKey"),
    ("session", "bearer", "Authorization"),
    ("session", "cookie", "Cookie"),
    ("key", "header", "x-api-key"),
    ("key", "query", "apiKey"),
]
PAIRS = [(a, b) for i, a in enumerate(CARRIERS) for b in CARRIERS[i + 1 :]]


@pytest.fixture
async def secrets(anonymous, alice):
    """One that is right for each kind there is."""
    body = {"email": alice.user["email"], "password": PASSWORD}
    token = (await anonymous.post("/api/auth/login", body)).json["accessToken"]
    key = (await alice.post("/api/api-keys", {"permissions": ["all"]})).json["secret"]
    return {"session": token, "key": key}


@pytest.fixture
def ask(anonymous):
    """GET /users/me with secrets in carriers."""

    async def ask(*carried):
        headers, query = {}, {}
        for (_, place, name), secret in carried:
            if place == "query":
                query[name] = secret
            elif place == "bearer":
                headers[name] = f"Bearer {secret}"
            elif place == "cookie":
                headers[name] = f"immich_access_token={secret}"
            else:
                headers[name] = secret
        return await anonymous.call("GET", ME, headers=headers, params=query)

    return ask


def name(carrier):
    return f"{carrier[1]}:{carrier[2]}"


def url(path):
    return "/api" + re.sub(r"\{\w+\}", lambda _: str(uuid4()), path)


def guarded():
    return [(method, one) for one in ENDPOINTS if one.auth != "public" for method in one.methods]


@pytest.mark.parametrize("carrier", [one for one in CARRIERS if one[0] in ("session", "key")],
                         ids=name)  # fmt: skip
async def test_each_carrier_lets_in(ask, secrets, carrier, alice):
    answer = await ask((carrier, secrets[carrier[0]]))

    assert (answer.status, answer.json["id"]) == (200, alice.user["id"])


@pytest.mark.parametrize("carrier", CARRIERS, ids=name)
async def test_each_carrier_is_refused_in_its_own_words(ask, carrier):
    for secret in ("wrong", "ÿ", "%00", "a" * 3000):
        answer = await ask((carrier, secret))
        assert (answer.status, answer.json) == (401, {"message": INVALID[carrier[0]]}), secret


async def test_the_first_that_is_there_counts_even_when_it_is_wrong(ask, secrets):
    """No falling through: a stale cookie beside a good key is refused."""
    for first, second in PAIRS:
        if first[2] == second[2]:
            continue
        good = secrets.get(second[0], "wrong")
        answer = await ask((first, "wrong"), (second, good))
        assert (answer.status, answer.message) == (401, INVALID[first[0]]), (first, second)


async def test_what_comes_after_the_first_is_not_looked_at(ask, secrets):
    for first, second in PAIRS:
        if first[0] in secrets and first[2] != second[2]:
            answer = await ask((first, secrets[first[0]]), (second, "wrong"))
            assert answer.status == 200, (first, second)


async def test_a_carrier_with_nothing_in_it_is_not_there(ask, secrets):
    for first, second in PAIRS:
        if second[0] in secrets and first[2] != second[2]:
            answer = await ask((first, ""), (second, secrets[second[0]]))
            assert answer.status == 200, (first, second)


async def test_of_a_session_and_a_key_the_session_acts(anonymous, alice, bob):
    secret = (await bob.post("/api/api-keys", {"permissions": ["all"]})).json["secret"]

    answer = await anonymous.using(**alice.headers, **{"x-api-key": secret}).get(ME)

    assert answer.json["id"] == alice.user["id"]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
async def test_the_scheme_is_not_case_sensitive(anonymous, secrets, scheme):
    client = anonymous.using(Authorization=f"{scheme} {secrets['session']}")

    assert (await client.get(ME)).status == 200


@pytest.mark.parametrize("header", ["Basic {}", "Digest {}", "{}", "Bearer", "Bearer ", ""])
async def test_another_scheme_says_nothing(anonymous, secrets, header):
    """Phones send Basic for a proxy on their way."""
    basic = base64.b64encode(b"user:pass").decode()
    client = anonymous.using(Authorization=header.format(basic))

    assert (await client.get(ME)).message == "Authentication required"
    assert (
        await client.using(**client.headers, **{"x-api-key": secrets["key"]}).get(ME)
    ).status == 200


async def test_a_key_is_no_token_and_a_token_no_key(ask, secrets):
    for carrier in CARRIERS:
        if carrier[0] in secrets:
            other = secrets["key" if carrier[0] == "session" else "session"]
            answer = await ask((carrier, other))
            assert (answer.status, answer.message) == (401, INVALID[carrier[0]]), carrier


async def test_query_carriers_do_not_disturb_the_query(anonymous, secrets):
    path = f"{ME}/preferences"

    answer = await anonymous.get(path, apiKey=secrets["key"], more="1")

    assert answer.status == 200


@pytest.mark.parametrize(
    "header",
    [b"x-api-key: \xff\xfe", b"x-immich-user-token: \xc3", b"Authorization: Bearer \xff",
     b"Cookie: immich_access_token=\xff", b"x-api-key: \xed\xa0\x80",
     b"x-immich-share-slug: \xff", b"x-immich-share-key: \xff"],
)  # fmt: skip
async def test_bytes_that_are_no_text_are_refused(server, header):
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(b"GET /api/users/me HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n\r\n")

    assert await reader.readline() == b"HTTP/1.1 401 Unauthorized\r\n"

    writer.close()
    await writer.wait_closed()


async def test_a_device_with_a_broken_name_logs_in(server, alice):
    body = b'{"email": "%s", "password": "%s"}' % (alice.user["email"].encode(), PASSWORD.encode())
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(
        b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\ndeviceModel: \xff\xfe\r\n"
        b"deviceType: \xc3\xa4\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        % len(body)
        + body
    )

    assert await reader.readline() == b"HTTP/1.1 201 Created\r\n"

    writer.close()
    await writer.wait_closed()
    names = {one["deviceType"]: one["deviceOS"] for one in (await alice.get("/api/sessions")).json}
    assert names["??"] == "ä"


# every operation


async def test_nothing_is_done_for_nobody(anonymous):
    """Whoever is not known learns nothing of what is wrong with the request."""
    for method, one in guarded():
        for path in (url(one.path), "/api" + re.sub(r"\{\w+\}", "x", one.path)):
            answer = await anonymous.call(
                method, path, data=b"{", headers={"Content-Type": "text/plain"}
            )
            assert (answer.status, answer.json) == (
                401, {"message": "Authentication required"}
            ), (method, path)  # fmt: skip


async def test_each_credential_is_checked_by_each_operation(anonymous):
    wrong = {
        "link": "x-immich-share-key",
        "slug": "x-immich-share-slug",
        "session": "x-immich-user-token",
        "key": "x-api-key",
    }
    for method, one in guarded():
        for kind, header in wrong.items():
            answer = await anonymous.call(method, url(one.path), headers={header: "wrong"})
            assert (answer.status, answer.json) == (401, {"message": INVALID[kind]}), one


async def test_a_key_needs_the_permission_of_each_operation(anonymous, admin, execute):
    secret = (await admin.post("/api/api-keys", {"permissions": ["all"]})).json["secret"]
    client = anonymous.using(**{"x-api-key": secret})
    for method, one in guarded():
        needed = one.permission or "all"
        others = [name for name in PERMISSIONS if name not in ("all", needed)]
        await execute("UPDATE api_key SET permissions = %s", others)
        answer = await client.call(method, url(one.path), data=b"{")
        if one.keys == "any":
            assert answer.status == 200, one
            continue
        assert (answer.status, answer.json) == (
            403, {"message": f"Missing required permission: {needed}"}
        ), (method, one)  # fmt: skip


async def test_the_permission_of_an_operation_is_enough(anonymous, admin, execute):
    secret = (await admin.post("/api/api-keys", {"permissions": ["all"]})).json["secret"]
    client = anonymous.using(**{"x-api-key": secret})
    for method, one in guarded():
        for permission in {one.permission or "all", "all"}:
            await execute("UPDATE api_key SET permissions = %s", [permission])
            answer = await client.call(method, url(one.path), data=b"{")
            assert answer.status != 401, (method, one)
            assert b"Missing required permission" not in answer.data, (method, one)


async def test_only_an_administrator_does_an_administrators_work(anonymous, alice):
    secret = (await alice.post("/api/api-keys", {"permissions": ["all"]})).json["secret"]
    for method, one in guarded():
        if one.auth == "admin":
            for client in (alice, anonymous.using(**{"x-api-key": secret})):
                answer = await client.call(method, url(one.path), data=b"{")
                assert (answer.status, answer.json) == (403, {"message": "Forbidden"}), one
