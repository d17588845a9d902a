"""/oauth: logging in through a provider, and being linked to it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import logging
from urllib.parse import parse_qs, urlsplit

import pytest
from yarl import URL

from server.context import CONTEXT
from sync.config import Config, OAuth, Switch
from tests.fix_server import PASSWORD

AUTHORIZE, CALLBACK = "/api/oauth/authorize", "/api/oauth/callback"
APP = "app.immich:///oauth-callback"
GIB = 1024**3
CAROL = {
    "email": "carol@example.org",
    "email_verified": True,
    "name": "Carol Danvers",
    "preferred_username": "carol",
}
FAILED = (400, {"message": "OAuth authentication failed"})
REFUSED = (400, {"message": "Failed to finish oauth"})


@pytest.fixture(autouse=True)
async def known(provider, use_provider, caplog):
    """One user of the provider; the server is set up for it. Nothing secret may be logged."""
    caplog.set_level(logging.DEBUG)
    provider.users["c-1"] = dict(CAROL)
    use_provider()
    yield
    lines = [record.getMessage() for record in caplog.records if record.name != "aiohttp.access"]
    assert [one for one in provider.secrets for line in lines if one in line] == []


@pytest.fixture(autouse=True)
async def admin(admin):
    """The first account is the administrator's, and has a password."""
    return admin


def sees(anonymous, answer):
    """Who was let in, as an app afterwards."""
    assert answer.status == 201, answer.data
    return anonymous.using(Authorization=f"Bearer {answer.json['accessToken']}")


async def account(anonymous, answer):
    return (await sees(anonymous, answer).get("/api/users/me")).json


def query_of(url):
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


# Logging in


async def test_a_browser_logs_in_and_becomes_a_user(anonymous, browser):
    answer = await browser.log_in("c-1")

    assert answer.status == 201
    token = answer.json["accessToken"]
    me = await account(anonymous, answer)
    assert {**answer.json, "accessToken": ""} == {
        "accessToken": "",
        "userId": me["id"],
        "userEmail": "carol@example.org",
        "name": "Carol Danvers",
        "profileImagePath": "",
        "isAdmin": False,
        "shouldChangePassword": False,
        "isOnboarded": False,
    }
    assert (me["oauthId"], me["storageLabel"]) == ("c-1", "carol")
    assert browser.cookies == {
        "immich_access_token": token,
        "immich_auth_type": "oauth",
        "immich_is_authenticated": "true",
    }


async def test_what_the_provider_is_asked(browser, provider, use_provider):
    use_provider(prompt="select_account", scope="openid email")
    url = await browser.begin()

    asked = query_of(url)
    verifier = browser.cookies["immich_oauth_code_verifier"]
    digest = hashlib.sha256(verifier.encode()).digest()
    assert url.startswith(f"{provider.url}/authorize?")
    assert asked.pop("nonce") != asked["state"]
    assert asked == {
        "realm": "home",
        "client_id": "heliograph",
        "response_type": "code",
        "redirect_uri": "https://photos.example.org/auth/login",
        "scope": "openid email",
        "state": browser.cookies["immich_oauth_state"],
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
        "prompt": "select_account",
    }


async def test_cookies_of_a_login_that_began_are_hidden_and_short_lived(anonymous):
    answer = await anonymous.post(AUTHORIZE, {"redirectUri": "https://example.org"})

    assert set(answer.cookies) == {"immich_oauth_state", "immich_oauth_code_verifier"}
    for morsel in answer.cookies.values():
        assert (morsel["path"], morsel["samesite"], morsel["max-age"]) == ("/", "Lax", "600")
        assert morsel["httponly"]


def app_login():
    verifier = "v" * 60
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    begin = {"redirectUri": APP, "state": "a" * 32, "codeChallenge": challenge}
    return begin, {"state": "a" * 32, "codeVerifier": verifier}


async def test_the_app_keeps_its_state_and_verifier_itself(open_browser, anonymous):
    phone, (begin, end) = open_browser(), app_login()
    url = await phone.visit(await phone.begin(**begin), "c-1")
    assert url.startswith(f"{APP}?code=")
    phone.cookies.clear()

    answer = await phone.finish(url, **end)

    assert (await account(anonymous, answer))["email"] == "carol@example.org"
    assert phone.cookies["immich_auth_type"] == "oauth"


async def test_a_provider_that_knows_no_apps_sends_to_the_web_and_we_to_the_app(
    anonymous, open_browser, use_provider
):
    redirect = "https://photos.example.org/api/oauth/mobile-redirect"
    use_provider(mobile_override_enabled=True, mobile_redirect_uri=redirect)
    phone, (begin, end) = open_browser(), app_login()

    url = await phone.begin(**begin)
    assert query_of(url)["redirect_uri"] == redirect
    back = await phone.visit(url, "c-1")
    assert back.startswith(f"{redirect}?")
    sent = await anonymous.call("GET", back.removeprefix("https://photos.example.org"))
    assert (sent.status, sent.headers["Location"]) == (307, back.replace(redirect, APP))
    answer = await phone.finish(sent.headers["Location"].replace(":///", ":/"), **end)

    assert answer.status == 201


async def test_the_way_to_the_app_keeps_what_is_said_as_it_is(anonymous):
    path = "/api/oauth/mobile-redirect"
    said = "code=a%2Fb%20c%0d%0aSet-Cookie:x&state=%C3%A4?&x=%00"
    url = URL(f"{anonymous.url}{path}?{said}", encoded=True)
    async with anonymous._http.get(url, allow_redirects=False) as response:
        assert response.headers["Location"] == f"{APP}?{said}"
        assert "Set-Cookie" not in response.headers
    empty = await anonymous.get(path)
    assert (empty.status, empty.headers["Location"]) == (307, f"{APP}?")


@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
async def test_both_ways_to_show_the_secret_work(browser, use_provider, method):
    use_provider(token_endpoint_auth_method=method)

    assert (await browser.log_in("c-1")).status == 201


async def test_the_issuer_may_be_named_by_its_document(browser, provider, use_provider):
    use_provider(issuer_url=f"{provider.url}/.well-known/openid-configuration")

    assert (await browser.log_in("c-1")).status == 201


async def test_a_provider_without_pkce_is_not_asked_for_it(browser, provider):
    provider.metadata["code_challenge_methods_supported"] = ["plain"]
    url = await browser.begin()

    assert "code_challenge" not in query_of(url)
    assert (await browser.finish(await browser.visit(url, "c-1"))).status == 201


async def test_the_verifier_counts_also_where_the_provider_does_not_check_it(browser, provider):
    provider.metadata["code_challenge_methods_supported"] = ["plain"]
    url = await browser.visit(await browser.begin(), "c-1")
    browser.cookies["immich_oauth_code_verifier"] = "v" * 64

    answer = await browser.finish(url)
    assert (answer.status, answer.json) == REFUSED
    assert "/token" not in provider.asked


async def test_without_password_logins_the_provider_still_lets_in(server, anonymous, browser):
    oauth = server.app[CONTEXT].config.oauth
    server.app[CONTEXT].config = Config(oauth=oauth, password_login=Switch(enabled=False))

    assert (await browser.log_in("c-1")).status == 201
    features = (await anonymous.get("/api/server/features")).json
    assert (features["oauth"], features["passwordLogin"]) == (True, False)
    public = (await anonymous.get("/api/public/config")).json
    assert public["oauth"]["enabled"]


async def test_without_oauth_nothing_of_it_works(server, anonymous, alice, provider):
    server.app[CONTEXT].config = Config(oauth=OAuth(issuer_url=provider.url))

    for client, path, body in (
        (anonymous, AUTHORIZE, {"redirectUri": "https://example.org"}),
        (anonymous, CALLBACK, {"url": "https://example.org?code=a", "state": "a"}),
        (alice, "/api/oauth/link", {"url": "https://example.org?code=a", "state": "a"}),
    ):
        answer = await client.post(path, body)
        assert (answer.status, answer.message) == (400, "OAuth is not enabled")
    assert provider.asked == []


# State, verifier and code


async def test_a_forged_state_is_refused_before_anybody_is_asked(browser, provider):
    url = await browser.visit(await browser.begin(), "c-1")
    provider.asked.clear()
    forged = url.replace(query_of(url)["state"], "f" * 43)

    answer = await browser.finish(forged)
    assert (answer.status, answer.json) == REFUSED
    assert provider.asked == []
    assert (await browser.finish(url)).status == 201  # nothing was used up by that


async def test_nobody_brings_the_login_of_another_browser(browser, open_browser):
    theirs = await browser.visit(await browser.begin(), "c-1")
    victim = open_browser()
    await victim.begin()

    answer = await victim.finish(theirs)
    assert (answer.status, answer.json) == REFUSED
    state = query_of(theirs)["state"]
    answer = await victim.finish(theirs, state=state)  # but the verifier is not theirs
    assert (answer.status, answer.json) == REFUSED


async def test_a_state_nobody_was_sent_with_is_refused(browser, provider):
    url = "https://photos.example.org/auth/login?code=a&state=made-up"

    answer = await browser.finish(url, state="made-up", codeVerifier="v" * 43)
    assert (answer.status, answer.json) == REFUSED
    assert provider.asked == []


async def test_a_login_finishes_once(browser, provider):
    url = await browser.visit(await browser.begin(), "c-1")
    cookies = dict(browser.cookies)
    assert (await browser.finish(url)).status == 201
    browser.cookies = cookies
    provider.asked.clear()

    answer = await browser.finish(url)
    assert (answer.status, answer.json) == REFUSED
    assert provider.asked == []


async def test_a_login_never_takes_up_a_session_that_was_there(browser, alice, anonymous):
    """Or whoever put it there would be in, too."""
    token = alice.headers["Authorization"].split()[1]
    for planted in ("x" * 43, token):
        browser.cookies["immich_access_token"] = planted
        answer = await browser.log_in("c-1")
        given = answer.cookies["immich_access_token"].value
        assert given == answer.json["accessToken"] != planted
        assert (await account(anonymous, answer))["email"] == CAROL["email"]
    assert (await alice.get("/api/users/me")).json["id"] == alice.user["id"]
    stranger = anonymous.using(Authorization=f"Bearer {'x' * 43}")
    assert (await stranger.get("/api/users/me")).status == 401


async def test_of_two_at_once_one_finishes(browser, open_browser, provider):
    url = await browser.visit(await browser.begin(), "c-1")
    other = open_browser()
    other.cookies = dict(browser.cookies)

    answers = await asyncio.gather(browser.finish(url), other.finish(url))

    assert sorted(answer.status for answer in answers) == [201, 400]
    assert provider.asked.count("/token") == 1


async def test_a_login_does_not_wait_for_ever(browser, execute):
    url = await browser.visit(await browser.begin(), "c-1")
    await execute("UPDATE oauth_attempt SET expires_at = now() - interval '1 second'")

    answer = await browser.finish(url)
    assert (answer.status, answer.json) == REFUSED


async def test_what_nobody_finishes_is_forgotten(browser, execute, query):
    await browser.begin()
    await execute("UPDATE oauth_attempt SET expires_at = now() - interval '1 second'")
    await browser.begin()

    (row,) = await query("SELECT count(*) AS count FROM oauth_attempt")
    assert row["count"] == 1


async def test_a_used_code_is_refused(browser, open_browser):
    used = query_of(url := await browser.visit(await browser.begin(), "c-1"))["code"]
    await browser.finish(url)
    again = open_browser()
    url = await again.visit(await again.begin(), "c-1")

    answer = await again.finish(url.replace(query_of(url)["code"], used))
    assert (answer.status, answer.json) == REFUSED


async def test_a_state_in_use_cannot_be_begun_again(browser, anonymous):
    begin, _ = app_login()
    await browser.begin(**begin)
    answer = await anonymous.post(AUTHORIZE, {**begin, "codeChallenge": "x" * 43})

    assert (answer.status, answer.message) == (400, "This OAuth state is in use")


@pytest.mark.parametrize("state", ["", "a\nSet-Cookie: x", "a\n", "ä", "s" * 2000])
async def test_a_state_is_printable(anonymous, state):
    answer = await anonymous.post(AUTHORIZE, {"redirectUri": "https://a", "state": state})

    assert (answer.status, answer.message) == (400, "Validation failed")
    assert not answer.cookies


@pytest.mark.parametrize("state", ['a b"c;d,e\\f=', "~" * 1000])
async def test_an_odd_state_comes_back_as_it_was(browser, state):
    url = await browser.visit(await browser.begin(state=state), "c-1")

    assert query_of(url)["state"] == state
    assert (await browser.finish(url, state=state)).status == 201


@pytest.mark.parametrize("text", ['"\\ud800"', '"\\u0000"', '"https://[\\u00e4"', "7"])
async def test_odd_text_breaks_nothing(anonymous, text):
    for path, body in (
        (AUTHORIZE, '{"redirectUri": %s, "codeChallenge": %s}'),
        (CALLBACK, '{"url": %s, "state": %s, "codeVerifier": "v"}'),
    ):
        headers = {"Content-Type": "application/json"}
        data = body % (text, text)
        answer = await anonymous.call("POST", path, data=data, headers=headers)
        assert answer.status in (201, 400)


async def test_one_address_begins_only_so_many(anonymous, provider):
    body = {"redirectUri": "https://photos.example.org/auth/login"}
    begun = 0
    while (answer := await anonymous.post(AUTHORIZE, body)).status == 201:
        begun += 1

    assert answer.status == 429
    assert begun >= 60
    assert provider.asked == ["/.well-known/openid-configuration"]


@pytest.mark.parametrize(
    ("missing", "message"),
    [("immich_oauth_state", "OAuth state is missing"),
     ("immich_oauth_code_verifier", "OAuth code verifier is missing")],
)  # fmt: skip
async def test_what_is_missing_is_named(browser, missing, message):
    url = await browser.visit(await browser.begin(), "c-1")
    del browser.cookies[missing]

    answer = await browser.finish(url)
    assert (answer.status, answer.json) == (400, {"message": message})


@pytest.mark.parametrize(
    "change",
    [lambda url, _: url + "&error=access_denied",
     lambda url, _: url.replace("code=", "cod="),
     lambda url, state: f"{url}&state={state}",
     lambda url, _: url + "&iss=https://another.example.org",
     lambda _url, _state: "https://[",
     lambda _url, _state: "no address"],
    ids=["error", "no code", "two states", "other issuer", "broken", "none"],
)  # fmt: skip
async def test_an_answer_of_another_shape_is_refused(browser, provider, change):
    url = await browser.visit(await browser.begin(), "c-1")

    answer = await browser.finish(change(url, query_of(url)["state"]))
    assert (answer.status, answer.json) == REFUSED
    assert "/token" not in provider.asked


async def test_the_issuer_of_the_answer_counts(browser, provider):
    provider.metadata["authorization_response_iss_parameter_supported"] = True
    url = await browser.visit(await browser.begin(), "c-1")
    assert (await browser.finish(url)).status == 400
    url = await browser.visit(await browser.begin(), "c-1")
    assert (await browser.finish(f"{url}&iss={provider.url}")).status == 201


async def test_another_site_cannot_log_a_browser_in_by_a_form(anonymous, open_browser):
    phone, (begin, end) = open_browser(), app_login()
    url = await phone.visit(await phone.begin(**begin), "c-1")
    answer = await anonymous.call(
        "POST", CALLBACK, data=json.dumps({"url": url, **end}),
        headers={"Content-Type": "text/plain"},
    )  # fmt: skip
    assert answer.status == 400
    assert not answer.cookies


async def test_a_session_is_new_at_each_login(browser, anonymous):
    """Whoever planted a token in the browser has nothing from it."""
    browser.cookies["immich_access_token"] = "planted"
    answer = await browser.log_in("c-1")

    assert browser.cookies["immich_access_token"] == answer.json["accessToken"] != "planted"
    planted = await anonymous.using(Authorization="Bearer planted").get("/api/users/me")
    assert planted.status == 401


# Who it is


async def test_the_same_user_comes_back(anonymous, browser, provider):
    first = await browser.log_in("c-1")
    provider.users["c-1"]["email"] = "carol@elsewhere.example.org"
    again = await browser.log_in("c-1")

    assert again.json["userId"] == first.json["userId"]
    assert again.json["userEmail"] == "carol@example.org"
    assert again.json["accessToken"] != first.json["accessToken"]


async def test_a_verified_email_links_to_who_has_it(anonymous, alice, browser, provider):
    email = f" {alice.user['email'].upper()} "
    provider.users["a-1"] = {"email": email, "email_verified": True, "name": "Somebody"}
    answer = await browser.log_in("a-1")

    me = await account(anonymous, answer)
    assert (me["id"], me["name"], me["oauthId"]) == (alice.user["id"], "Alice", "a-1")
    body = {"email": alice.user["email"], "password": PASSWORD}
    assert (await anonymous.post("/api/auth/login", body)).status == 201


@pytest.mark.parametrize("is_verified", [False, None, "false", 1, "yes"])
async def test_an_email_that_is_not_verified_links_to_nobody(alice, browser, provider, is_verified):
    provider.users["m-1"] = {"email": alice.user["email"], "email_verified": is_verified}

    answer = await browser.log_in("m-1")
    assert (answer.status, answer.json) == FAILED
    assert (await alice.get("/api/users/me")).json["oauthId"] == ""


async def test_an_email_of_somebody_linked_elsewhere_is_refused(browser, open_browser, provider):
    await browser.log_in("c-1")
    provider.users["c-2"] = dict(CAROL)

    answer = await open_browser().log_in("c-2")
    assert (answer.status, answer.json) == FAILED


async def test_without_registering_only_known_users_get_in(
    alice, browser, provider, use_provider, query
):
    use_provider(auto_register=False)
    provider.users["a-1"] = {"email": alice.user["email"], "email_verified": True}

    answer = await browser.log_in("c-1")
    assert (answer.status, answer.json) == FAILED
    assert await query("SELECT 1 FROM \"user\" WHERE email = 'carol@example.org'") == []
    assert (await browser.log_in("a-1")).status == 201


async def test_without_an_email_nobody_registers(browser, provider):
    for sub, claims in (("n-1", {}), ("n-2", {"email": "not one"}), ("n-3", {"email": 7})):
        provider.users[sub] = {"name": "Nobody"} | claims
        answer = await browser.log_in(sub)
        assert (answer.status, answer.message) == (
            400, "OAuth profile does not have an email address",
        )  # fmt: skip


@pytest.mark.parametrize("is_linked", [True, False])
async def test_a_deleted_user_does_not_come_back(browser, provider, execute, is_linked, alice):
    provider.users["a-1"] = {"email": alice.user["email"], "email_verified": True}
    if is_linked:
        assert (await browser.log_in("a-1")).status == 201
    await execute('UPDATE "user" SET deleted_at = now() WHERE id = %s', alice.user["id"])

    answer = await browser.log_in("a-1")
    assert (answer.status, answer.json) == FAILED


async def test_the_first_account_is_an_administrator_s(browser, execute):
    await execute('UPDATE "user" SET is_admin = false')

    answer = await browser.log_in("c-1")
    assert (answer.status, answer.message) == (
        400, "The first registered account must the administrator.",
    )  # fmt: skip


async def test_two_first_logins_at_once_make_one_user(open_browser, query):
    answers = await asyncio.gather(*(open_browser().log_in("c-1") for _ in range(4)))

    assert [answer.status for answer in answers] == [201] * 4
    assert len({answer.json["userId"] for answer in answers}) == 1
