"""What a provider says, and which of it is believed."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import pytest
from aiohttp import web
from joserfc.jwk import RSAKey

from tests.fix_oidc import CLIENT_SECRET, RSA_KEY, other_key

CAROL = {"email": "carol@example.org", "email_verified": True, "name": "Carol"}
FINISH = (500, {"message": "Failed to finish oauth"})
START = (500, {"message": "Failed to start oauth"})
HERE = {"redirectUri": "https://photos.example.org/auth/login"}
HUGE = b"{" + b" " * (2 * 1024 * 1024) + b"}"


@pytest.fixture(autouse=True)
async def known(admin, provider, use_provider, caplog):
    """One user of the provider; the server is set up for it. Nothing secret may be logged."""
    caplog.set_level(logging.DEBUG)
    provider.users["c-1"] = dict(CAROL)
    use_provider()
    yield
    lines = [record.getMessage() for record in caplog.records if record.name != "aiohttp.access"]
    assert [one for one in provider.secrets for line in lines if one in line] == []


async def is_refused(browser, query):
    """Nobody was let in, or made."""
    answer = await browser.log_in("c-1")
    assert (answer.status, answer.json) == FINISH
    assert "immich_access_token" not in browser.cookies
    assert await query("SELECT 1 FROM \"user\" WHERE email = 'carol@example.org'") == []
    return answer


# ID tokens


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "of another login"},
        {"nonce": None},
        {"nonce": 7},
        {"iss": "https://another.example.org"},
        {"iss": None},
        {"aud": "somebody else"},
        {"aud": None},
        {"aud": ["heliograph", "somebody else"]},
        {"aud": ["heliograph", "somebody else"], "azp": "somebody else"},
        {"azp": "somebody else"},
        {"exp": 1_700_000_000},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": True},
        {"iat": 4_000_000_000},
        {"iat": None},
        {"nbf": 4_000_000_000},
        {"sub": None},
        {"sub": ""},
        {"sub": "s" * 256},
        {"sub": "nul\0"},
        {"sub": 7},
    ],
    ids=str,
)
async def test_an_id_token_with_a_wrong_claim_lets_nobody_in(browser, provider, query, claims):
    provider.claims = claims

    await is_refused(browser, query)


@pytest.mark.parametrize(
    "claims",
    [
        lambda _: {"aud": ["heliograph"]},
        lambda _: {"aud": ["heliograph", "somebody else"], "azp": "heliograph"},
        lambda now: {"exp": int(now - 10)},
        lambda now: {"iat": now + 20, "nbf": now + 20},
        lambda now: {"exp": now + 1000.5},
    ],
    ids=["list", "more", "just expired", "clock ahead", "fraction"],
)
async def test_an_id_token_may_say_it_in_other_ways(browser, provider, claims):
    provider.claims = claims(time.time())

    assert (await browser.log_in("c-1")).status == 201


async def test_a_forged_signature_lets_nobody_in(browser, provider, query):
    provider.key = RSAKey.generate_key(2048, {"kid": "first"})

    await is_refused(browser, query)


@pytest.mark.parametrize("part", [0, 1, 2])
async def test_a_changed_token_lets_nobody_in(browser, provider, query, part):
    def change(token: str) -> str:
        parts = token.split(".")
        middle = len(parts[part]) // 2
        other = "A" if parts[part][middle] != "A" else "B"
        parts[part] = parts[part][:middle] + other + parts[part][middle + 1 :]
        return ".".join(parts)

    provider.change_token = change
    await is_refused(browser, query)


@pytest.mark.parametrize(
    "change",
    [lambda token: "eyJhbGciOiJub25lIn0." + token.split(".")[1] + ".",
     lambda token: token.rpartition(".")[0] + ".",
     lambda token: "ä" + token,
     lambda token: token * 2,
     lambda _: "",
     lambda _: "x" * 200_000],
    ids=["none", "unsigned", "letters", "twice", "empty", "long"],
)  # fmt: skip
async def test_what_is_no_signed_token_lets_nobody_in(browser, provider, query, change):
    provider.change_token = change

    await is_refused(browser, query)


@pytest.mark.parametrize("algorithm", ["none", "RS1", "", "HS256"])
async def test_an_algorithm_that_is_not_set_lets_nobody_in(
    browser, provider, use_provider, query, algorithm
):
    use_provider(signing_algorithm=algorithm)
    provider.change_token = lambda token: "eyJhbGciOiJub25lIn0." + token.split(".")[1] + "."

    await is_refused(browser, query)


async def test_the_public_key_is_no_secret_to_sign_with(browser, provider, query, use_provider):
    provider.key, provider.algorithm = other_key("HS256"), "HS256"

    await is_refused(browser, query)


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # and still what providers sign with
@pytest.mark.parametrize("algorithm", ["ES256", "PS256", "RS512", "EdDSA"])
async def test_the_algorithm_that_is_set_counts(browser, provider, use_provider, algorithm):
    provider.key = other_key(algorithm)
    provider.published, provider.algorithm = [RSA_KEY, provider.key], algorithm
    use_provider(signing_algorithm=algorithm)

    assert (await browser.log_in("c-1")).status == 201


async def test_the_secret_may_sign(browser, provider, use_provider, query):
    provider.key, provider.algorithm = other_key("HS256"), "HS256"
    provider.published = []
    use_provider(signing_algorithm="HS256")
    assert (await browser.log_in("c-1")).status == 201
    provider.secrets.discard(CLIENT_SECRET)

    use_provider(signing_algorithm="HS256", client_secret="another secret of two")
    answer = await browser.log_in("c-1")
    assert (answer.status, answer.json) == FINISH


async def test_keys_that_are_new_are_asked_for_once(browser, provider, query):
    assert (await browser.log_in("c-1")).status == 201
    provider.key = other_key("RS256", "second")
    provider.published = [RSA_KEY, {"kty": "new", "kid": "x"}, {"kty": "RSA"}, provider.key]
    assert (await browser.log_in("c-1")).status == 201
    assert provider.asked.count("/keys") == 2

    provider.key = other_key("RS256", "unknown")
    for _ in range(3):
        assert (await browser.log_in("c-1")).status == 500
    assert provider.asked.count("/keys") == 2


async def test_keys_for_other_uses_do_not_count(browser, provider, query):
    provider.published = [{**RSA_KEY.as_dict(private=False), "use": "enc"}]

    await is_refused(browser, query)


async def test_keys_need_no_names(browser, provider):
    bare = {k: v for k, v in RSA_KEY.as_dict(private=False).items() if k not in ("kid", "use")}
    provider.published = [other_key("RS256"), bare]
    provider.header = {"kid": None}

    assert (await browser.log_in("c-1")).status == 201


async def test_headers_nobody_knows_do_not_matter_unless_they_must(browser, provider, query):
    provider.header = {"pi.atm": "x"}
    assert (await browser.log_in("c-1")).status == 201
    provider.header = {"x": 1, "crit": ["x"]}
    assert (await browser.log_in("c-1")).status == 500


# The profile


async def test_the_profile_may_be_elsewhere(browser, provider):
    provider.in_id_token = False

    assert (await browser.log_in("c-1")).json["userEmail"] == "carol@example.org"
    assert "/userinfo" in provider.asked


async def test_a_profile_of_somebody_else_lets_nobody_in(browser, provider, query):
    provider.in_id_token, provider.userinfo = False, {"sub": "c-2"}

    await is_refused(browser, query)


async def test_a_profile_may_be_signed(browser, provider, use_provider):
    provider.in_id_token, provider.userinfo_algorithm = False, "RS256"
    use_provider(profile_signing_algorithm="RS256")

    assert (await browser.log_in("c-1")).json["userEmail"] == "carol@example.org"


@pytest.mark.parametrize(
    ("provided", "expected", "userinfo"),
    [("RS256", "none", {}), ("none", "RS256", {}), ("RS256", "ES256", {}),
     ("RS256", "RS256", {"aud": "somebody else"}), ("RS256", "RS256", {"iss": "https://x"}),
     ("RS256", "RS256", {"exp": 1}), ("RS256", "RS256", {"sub": "c-2"})],
    ids=str,
)  # fmt: skip
async def test_a_profile_signed_otherwise_lets_nobody_in(
    browser, provider, use_provider, query, provided, expected, userinfo
):
    provider.in_id_token, provider.userinfo_algorithm = False, provided
    provider.userinfo = userinfo
    use_provider(profile_signing_algorithm=expected)

    await is_refused(browser, query)


# A provider that does not work


def text(status: int, body: str | bytes = b"", **headers: str) -> Any:
    data = body.encode() if isinstance(body, str) else body
    return lambda: web.Response(status=status, body=data, headers=headers)


BROKEN = {
    "an error": text(500, "secret stack trace"),
    "no JSON": text(200, "<html>"),
    "another shape": text(200, "[]"),
    "not text": text(200, b"\xff\xfe"),
    "deep": text(200, "[" * 100_000),
    "huge": text(200, HUGE),
    "elsewhere": text(302, Location="https://example.org/"),
    "no answer": text(204),
    "no such encoding": text(200, b"no gzip", **{"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("path", ["/token", "/keys", "/userinfo"])
async def test_a_broken_provider_lets_nobody_in(browser, provider, query, path, answer):
    provider.in_id_token = False
    provider.answers[path] = answer

    await is_refused(browser, query)


async def test_a_redirect_is_not_followed_even_to_what_is_right(browser, provider, query):
    keys = {"keys": [RSA_KEY.as_dict(private=False)]}
    provider.answers["/keys"] = text(307, Location=f"{provider.url}/moved")
    provider.answers["/moved"] = lambda: web.json_response(keys)

    await is_refused(browser, query)
    assert "/moved" not in provider.asked


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
async def test_without_a_document_nobody_is_sent_away(anonymous, provider, answer):
    provider.answers["/.well-known/openid-configuration"] = answer

    answered = await anonymous.post("/api/oauth/authorize", HERE)
    assert (answered.status, answered.json) == START
    assert not answered.cookies


@pytest.mark.parametrize(
    "metadata",
    [{"issuer": "https://another.example.org"}, {"issuer": None}, {"token_endpoint": None},
     {"authorization_endpoint": "javascript:alert(1)"}, {"authorization_endpoint": "file:///x"},
     {"end_session_endpoint": "javascript:alert(1)"}, {"authorization_endpoint": "https://["}],
    ids=str,
)  # fmt: skip
async def test_a_document_that_leads_astray_is_not_followed(anonymous, provider, metadata):
    provider.metadata = metadata

    answer = await anonymous.post("/api/oauth/authorize", HERE)
    assert (answer.status, answer.json) == START


@pytest.mark.parametrize("name", ["token_endpoint", "jwks_uri"])
async def test_endpoints_are_asked_over_http_only(browser, provider, query, name):
    provider.metadata = {name: "file:///etc/passwd"}

    await is_refused(browser, query)


async def test_a_provider_without_tls_is_asked_only_if_that_is_allowed(
    anonymous, provider, use_provider
):
    use_provider(allow_insecure_requests=False)

    answer = await anonymous.post("/api/oauth/authorize", HERE)
    assert (answer.status, answer.json) == START
    assert provider.asked == []


@pytest.mark.parametrize("issuer", ["http://127.0.0.1:1", "", "no address", "http://[", "http://"])
async def test_a_provider_that_is_not_there(anonymous, use_provider, issuer):
    use_provider(issuer_url=issuer)

    answer = await anonymous.post("/api/oauth/authorize", HERE)
    assert (answer.status, answer.json) == START


async def test_a_slow_provider_is_not_waited_for(browser, provider, use_provider, query):
    use_provider(timeout=300)
    provider.answers["/token"] = provider.hang

    async with asyncio.timeout(20):
        await is_refused(browser, query)


async def test_a_wrong_secret_is_the_server_s_fault(browser, use_provider, provider, query):
    use_provider(client_secret="another secret of two")

    await is_refused(browser, query)


async def test_a_provider_that_came_back_is_believed(browser, provider):
    path = "/.well-known/openid-configuration"
    provider.answers[path] = text(503)
    answer = await browser.client.post("/api/oauth/authorize", HERE)
    assert (answer.status, answer.json) == START
    del provider.answers[path]

    assert (await browser.log_in("c-1")).status == 201
