"""/oauth: what the provider says of accounts, being linked to one, and being logged out by it."""

from __future__ import annotations

import asyncio
import logging
import time
from urllib.parse import parse_qs, urlsplit

import pytest

from server.context import CONTEXT
from sync.config import Config, OAuth
from tests.fix_oidc import other_key
from tests.fix_server import PASSWORD

LOGOUT, OUT = "/api/oauth/backchannel-logout", "/api/auth/logout"
LINK, UNLINK, UNLINK_ALL = "/api/oauth/link", "/api/oauth/unlink", "/api/admin/auth/unlink-all"
GIB = 1024**3
CAROL = {"email": "carol@example.org", "email_verified": True, "name": "Carol"}
INVALID = (400, {"message": "Error backchannel logout: token validation failed"})


@pytest.fixture(autouse=True)
async def known(admin, provider, use_provider, caplog):
    """One user of the provider; the server is set up for it. Nothing secret may be logged."""
    caplog.set_level(logging.DEBUG)
    provider.users["c-1"] = dict(CAROL)
    use_provider()
    yield
    lines = [record.getMessage() for record in caplog.records if record.name != "aiohttp.access"]
    assert [one for one in provider.secrets for line in lines if one in line] == []


@pytest.fixture
def enter(open_browser, anonymous):
    """A new browser's session of a user of the provider."""

    async def enter(sub="c-1"):
        answer = await open_browser().log_in(sub)
        assert answer.status == 201, answer.data
        return anonymous.using(Authorization=f"Bearer {answer.json['accessToken']}")

    return enter


async def me(client):
    answer = await client.get("/api/users/me")
    assert answer.status == 200, answer.data
    return answer.json


async def is_out(client):
    return (await client.get("/api/users/me")).status == 401


# Claims


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"name": " Carol D. "}, "Carol D."),
        ({"given_name": "Carol", "family_name": "Danvers"}, "Carol Danvers"),
        ({"given_name": "Carol"}, "Carol"),
        ({"preferred_username": "carol"}, "carol"),
        ({"name": 7}, "carol@example.org"),
        ({"name": "nul\0"}, "carol@example.org"),
        ({}, "carol@example.org"),
    ],
    ids=str,
)
async def test_a_name_is_found(enter, provider, claims, name):
    provider.users["c-1"] = {"email": "carol@example.org"} | claims

    assert (await me(await enter()))["name"] == name


@pytest.mark.parametrize(
    ("default", "claim", "quota"),
    [
        (None, None, None),
        (None, 2, 2 * GIB),
        (None, 0, 0),
        (None, 0.5, GIB // 2),
        (None, "3", 3 * GIB),
        (5, None, 5 * GIB),
        (5, 2, 2 * GIB),
        (5, -1, 5 * GIB),
        (5, "much", 5 * GIB),
        (5, True, 5 * GIB),
        (5, 1e300, 5 * GIB),
        (5, "nan", 5 * GIB),
        (0, None, 0),
    ],
)
async def test_a_quota_is_in_gib(enter, provider, use_provider, default, claim, quota):
    use_provider(default_storage_quota=default)
    provider.claims = {"immich_quota": claim}

    assert (await me(await enter()))["quotaSizeInBytes"] == quota


async def test_a_quota_follows_the_provider(enter, provider, admin):
    provider.claims = {"immich_quota": 1}
    client = await enter()
    provider.claims = {"immich_quota": 2}
    await enter()
    assert (await me(client))["quotaSizeInBytes"] == 2 * GIB
    provider.claims = {}
    await enter()
    assert (await me(client))["quotaSizeInBytes"] == 2 * GIB


@pytest.mark.parametrize(
    ("role", "is_admin"),
    [("admin", True), ("user", False), (["staff", "admin"], True), (["user"], False),
     (["admin", "user"], True), ("Admin", False), (True, False), ([["admin"]], False),
     (None, False)],
)  # fmt: skip
async def test_a_role_makes_an_administrator(enter, provider, role, is_admin):
    provider.claims = {"immich_role": role}

    assert (await me(await enter()))["isAdmin"] is is_admin


async def test_a_role_counts_at_each_login(enter, provider):
    client = await enter()
    for role, is_admin in (("admin", True), (None, True), ("unknown", True), (["user"], False)):
        provider.claims = {"immich_role": role}
        await enter()
        assert (await me(client))["isAdmin"] is is_admin


async def test_the_last_administrator_stays(enter, provider, execute):
    provider.claims = {"immich_role": "admin"}
    client = await enter()
    await execute("UPDATE \"user\" SET is_admin = false WHERE email <> 'carol@example.org'")
    provider.claims = {"immich_role": "user"}
    await enter()

    assert (await me(client))["isAdmin"]


@pytest.mark.parametrize(
    ("claim", "label"),
    [("carol", "carol"), ("../../etc", "etc"), ("a.b", "ab"), ("", None), (7, None), ("..", None),
     ("admin2 x", "admin2 x")],
)  # fmt: skip
async def test_a_storage_label_names_no_other_folder(enter, provider, claim, label):
    provider.users["c-1"]["preferred_username"] = claim

    assert (await me(await enter()))["storageLabel"] == label


async def test_a_label_somebody_has_is_not_given_again(enter, provider):
    provider.users["c-1"]["preferred_username"] = "same"
    provider.users["d-1"] = {"email": "d@example.org", "preferred_username": "same"}
    await enter()

    assert (await me(await enter("d-1")))["storageLabel"] is None


async def test_the_names_of_claims_are_settings(enter, provider, use_provider):
    use_provider(storage_label_claim="x_label", storage_quota_claim="x_quota", role_claim="x_role")
    provider.claims = {"x_label": "here", "x_quota": 1, "x_role": "admin"}

    mine = await me(await enter())
    assert (mine["storageLabel"], mine["quotaSizeInBytes"], mine["isAdmin"]) == ("here", GIB, True)


async def test_apps_hear_of_who_was_linked(alice, provider, browser, following):
    provider.users["a-1"] = {"email": alice.user["email"], "email_verified": True}
    await browser.log_in("a-1")

    rows = await following()
    assert [row["oauthId"] for row in rows["auth_user"].values()] == ["a-1"]


# Linking


async def link(browser, client, sub, **begin):
    """Through the settings of the web app."""
    browser.client = client
    url = await browser.visit(await browser.begin(**begin), sub)
    return await browser.finish(url, LINK)


async def test_a_user_links_an_account_and_logs_in_with_it(alice, open_browser, enter, provider):
    answer = await link(open_browser(), alice, "c-1")
    assert (answer.status, answer.json["id"], answer.json["oauthId"]) == (
        200, alice.user["id"], "c-1",
    )  # fmt: skip
    assert answer.json["email"] == alice.user["email"]

    assert (await me(await enter()))["id"] == alice.user["id"]


async def test_an_account_belongs_to_one_user(alice, bob, open_browser):
    assert (await link(open_browser(), alice, "c-1")).status == 200

    answer = await link(open_browser(), bob, "c-1")
    assert (answer.status, answer.message) == (
        400, "This OAuth account has already been linked to another user.",
    )  # fmt: skip
    assert (await me(bob))["oauthId"] == ""
    assert (await link(open_browser(), alice, "c-1")).status == 200


async def test_linking_needs_the_state_of_the_same_browser(alice, open_browser):
    attacker, victim = open_browser(), open_browser()
    attacker.client = victim.client = alice
    url = await attacker.visit(await attacker.begin(), "c-1")
    await victim.begin()

    answer = await victim.finish(url, LINK)
    assert (answer.status, answer.message) == (400, "Failed to link oauth account")
    assert (await me(alice))["oauthId"] == ""


async def test_a_link_that_the_provider_spoils_fails(alice, open_browser, provider):
    provider.claims = {"nonce": "of another login"}

    answer = await link(open_browser(), alice, "c-1")
    assert (answer.status, answer.message) == (500, "Failed to link oauth account")


async def test_unlinking_ends_what_the_provider_may_do(alice, open_browser, provider, anonymous):
    assert (await link(open_browser(), alice, "c-1")).status == 200
    answer = await alice.post(UNLINK)
    assert (answer.status, answer.json["oauthId"]) == (200, "")

    answer = await tell(anonymous, provider.logout_token(sub="c-1"))
    assert answer.status == 200
    assert (await me(alice))["oauthId"] == ""


@pytest.mark.parametrize("path", [LINK, UNLINK])
async def test_only_a_user_links(anonymous, alice, new_key, path):
    assert (await anonymous.post(path, {"url": "x"})).status == 401
    narrow = await new_key(alice, "user.update")
    answer = await narrow.post(path, {"url": "x"})
    assert (answer.status, answer.message) == (403, "Missing required permission: all")


async def test_an_administrator_unlinks_all(admin, alice, bob, open_browser, anonymous):
    assert (await link(open_browser(), alice, "c-1")).status == 200
    assert (await bob.post(UNLINK_ALL)).status == 403
    assert (await anonymous.post(UNLINK_ALL)).status == 401
    assert (await me(alice))["oauthId"] == "c-1"

    assert (await admin.post(UNLINK_ALL)).status == 204
    assert (await me(alice))["oauthId"] == ""
    assert (await admin.post(UNLINK_ALL)).status == 204


async def test_a_narrow_key_of_an_administrator_unlinks_all_if_it_may(admin, new_key):
    other, own = await new_key(admin, "adminUser.read"), await new_key(admin, "adminAuth.unlinkAll")

    assert (await other.post(UNLINK_ALL)).status == 403
    assert (await own.post(UNLINK_ALL)).status == 204


# Logging out by word of the provider


async def tell(anonymous, token, **headers):
    return await anonymous.call("POST", LOGOUT, data={"logout_token": token}, headers=headers)


async def test_a_logout_of_a_user_ends_their_sessions_of_the_provider(
    enter, anonymous, provider, alice
):
    here, there = await enter(), await enter()
    child = await here.post("/api/sessions", {})
    below = anonymous.using(Authorization=f"Bearer {child.json['token']}")

    answer = await tell(anonymous, provider.logout_token(sub="c-1"))

    assert (answer.status, answer.data) == (200, b"")
    assert [await is_out(one) for one in (here, there, below)] == [True] * 3
    assert not await is_out(alice)


async def test_sessions_by_password_stay(open_browser, anonymous, provider, alice):
    provider.users["a-1"] = {"email": alice.user["email"], "email_verified": True}
    await open_browser().log_in("a-1")
    await tell(anonymous, provider.logout_token(sub="a-1"))

    assert not await is_out(alice)
    body = {"email": alice.user["email"], "password": PASSWORD}
    assert (await anonymous.post("/api/auth/login", body)).status == 201


async def test_a_logout_of_a_session_ends_that_one(enter, anonymous, provider):
    provider.claims = {"sid": "one"}
    one = await enter()
    provider.claims = {"sid": "two"}
    two = await enter()

    await tell(anonymous, provider.logout_token(sid="one"))
    assert (await is_out(one), await is_out(two)) == (True, False)
    await tell(anonymous, provider.logout_token(sid="two", sub="somebody else"))
    assert not await is_out(two)
    await tell(anonymous, provider.logout_token(sid="two", sub="c-1"))
    assert await is_out(two)


async def test_a_logout_closes_the_socket(enter, listen, anonymous, provider):
    client = await enter()
    (session,) = (await client.get("/api/sessions")).json
    socket = await listen(client)

    await tell(anonymous, provider.logout_token(sub="c-1"))

    assert await socket.next("on_session_delete") == (session["id"],)
    await socket.closed()


async def test_a_linked_session_can_be_ended_too(alice, open_browser, anonymous, provider):
    assert (await link(open_browser(), alice, "c-1")).status == 200
    await tell(anonymous, provider.logout_token(sub="c-1"))

    assert await is_out(alice)


@pytest.mark.parametrize(
    "claims",
    [
        lambda _: {"events": None},
        lambda _: {"events": {}},
        lambda _: {"events": ["http://schemas.openid.net/event/backchannel-logout"]},
        lambda _: {"events": {"http://schemas.openid.net/event/backchannel-logout": None}},
        lambda _: {"nonce": "n"},
        lambda _: {"iss": "https://another.example.org"},
        lambda _: {"aud": "somebody else"},
        lambda now: {"iat": now - 300},
        lambda now: {"iat": now + 60},
        lambda _: {"iat": None},
        lambda now: {"exp": now - 60},
    ],
)
async def test_a_logout_token_with_a_wrong_claim_ends_nothing(enter, anonymous, provider, claims):
    client = await enter()
    token = provider.logout_token(sub="c-1", **claims(int(time.time())))

    answer = await tell(anonymous, token)
    assert (answer.status, answer.json) == INVALID
    assert not await is_out(client)


async def test_a_logout_token_signed_otherwise_ends_nothing(enter, anonymous, provider):
    client = await enter()
    forged = provider.logout_token(sub="c-1")[:-8] + "AAAAAAAA"
    provider.key = other_key("RS256")
    unknown = provider.logout_token(sub="c-1")
    provider.key, provider.algorithm = other_key("HS256"), "HS256"
    shared = provider.logout_token(sub="c-1")
    unsigned = "eyJhbGciOiJub25lIn0." + forged.split(".")[1] + "."

    for token in (forged, unknown, shared, unsigned, "no token", ""):
        answer = await tell(anonymous, token)
        assert (answer.status, answer.json) == INVALID
    assert not await is_out(client)
    assert provider.asked.count("/keys") == 2  # once more for a key that may be new


async def test_a_login_s_own_token_ends_nothing(enter, anonymous, provider):
    client = await enter()
    tokens = [one for one in provider.secrets if one.count(".") == 2]

    for token in tokens:
        assert (await tell(anonymous, token)).status == 400
    assert tokens
    assert not await is_out(client)


@pytest.mark.parametrize("jti", ["one", None])
async def test_a_logout_token_is_followed_once(enter, anonymous, provider, jti):
    token = provider.logout_token(sub="c-1", jti=jti)
    assert (await tell(anonymous, token)).status == 200
    client = await enter()

    answer = await tell(anonymous, token)
    assert (answer.status, answer.json) == INVALID
    assert not await is_out(client)


async def test_of_a_token_sent_twice_at_once_one_is_followed(enter, anonymous, provider):
    token = provider.logout_token(sub="c-1")

    answers = await asyncio.gather(*(tell(anonymous, token) for _ in range(2)))
    assert sorted(answer.status for answer in answers) == [200, 400]


async def test_a_logout_of_nobody_is_refused(anonymous, provider):
    answer = await tell(anonymous, provider.logout_token())

    assert (answer.status, answer.message) == (
        400, "Invalid logout token: it must contain either a sub or a sid claim",
    )  # fmt: skip


async def test_a_logout_needs_a_form(anonymous, provider):
    form = {"Content-Type": "application/x-www-form-urlencoded; charset=none"}
    for options in (
        {"json": {"logout_token": "x"}},
        {"data": {"other": "x"}},
        {"data": "&".join(["logout_token=x"] * 100), "headers": form},
        {"data": b"\xff=\xff", "headers": form},
        {},
    ):
        answer = await anonymous.call("POST", LOGOUT, **options)
        assert (answer.status, answer.message) == (400, "Validation failed")
        assert [issue["path"] for issue in answer.json["errors"]] == [["logout_token"]]


async def test_a_logout_is_refused_without_a_provider(server, anonymous, provider):
    token = provider.logout_token(sub="c-1")
    provider.answers["/keys"] = provider.answers["/.well-known/openid-configuration"] = _gone
    answer = await tell(anonymous, token)
    assert (answer.status, answer.json) == INVALID

    server.app[CONTEXT].config = Config(oauth=OAuth(issuer_url=provider.url))
    answer = await tell(anonymous, token)
    assert (answer.status, answer.message) == (
        400, "Received backchannel logout request but OAuth is not enabled",
    )  # fmt: skip


def _gone():
    raise ConnectionResetError


# Logging out here


async def log_out(browser):
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    answer = await browser.client.using(Cookie=cookie).post(OUT)
    assert answer.status == 200
    browser.keep(answer)
    return answer.json["redirectUri"]


async def test_a_logout_goes_on_at_the_provider(browser, provider):
    await browser.log_in("c-1")
    assert browser.cookies
    url = urlsplit(await log_out(browser))

    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{provider.url}/bye"
    (token,) = parse_qs(url.query)["id_token_hint"]
    assert token in provider.secrets
    assert browser.cookies == {}


async def test_where_to_log_out_may_be_set(browser, use_provider, provider):
    use_provider(end_session_endpoint="https://sso.example.org/out?from=photos")
    await browser.log_in("c-1")

    url = urlsplit(await log_out(browser))
    assert (url.netloc, url.path) == ("sso.example.org", "/out")
    assert parse_qs(url.query)["from"] == ["photos"]


@pytest.mark.parametrize("why", ["password", "off", "no end", "away"])
async def test_otherwise_a_logout_ends_at_the_login_page(
    server, browser, provider, use_provider, why
):
    await browser.log_in("c-1")
    if why == "password":
        browser.cookies["immich_auth_type"] = "password"
    elif why == "off":
        server.app[CONTEXT].config = Config()
    elif why == "no end":
        provider.metadata = {"end_session_endpoint": None}
        use_provider(prompt="login")
    else:
        provider.answers["/.well-known/openid-configuration"] = _gone
        use_provider(prompt="login")

    assert await log_out(browser) == "/auth/login?autoLaunch=0"
