"""/oauth against a provider that others wrote, in a process of its own."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from urllib.parse import parse_qs, urlsplit

import pytest

from server.context import CONTEXT
from sync.config import Config, OAuth

SECONDS_MAX = 60
CAROL = '{"sub": "c-1", "email": "carol@example.org", "email_verified": true, "name": "Carol"}'
COMMAND = (sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", "0")


@pytest.fixture
async def issuer():
    """The address of a running provider that knows Carol."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "--require-nonce", "true", "--user-claims", CAROL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout
    async with asyncio.timeout(SECONDS_MAX):
        while line := (await process.stdout.readline()).decode():
            if found := re.search(r"http://[\w.]+:[1-9]\d*", line):
                break
        assert line, "the provider did not start"
    reading = asyncio.create_task(process.stdout.read())
    yield found[0]
    process.send_signal(signal.SIGTERM)
    await asyncio.gather(process.wait(), reading)


@pytest.fixture
async def set_up(admin, server, issuer):
    server.app[CONTEXT].config = Config(
        oauth=OAuth(
            enabled=True,
            issuer_url=issuer,
            client_id="heliograph",
            client_secret="a secret of two",
            allow_insecure_requests=True,
        )
    )


@pytest.fixture
def visit(anonymous):
    """Say at the provider who one is; return where it sends the browser."""

    async def visit(url, sub):
        async with anonymous._http.post(url, data={"sub": sub}, allow_redirects=False) as response:
            assert response.status == 302, await response.text()
            return response.headers["Location"]

    return visit


async def test_carol_logs_in_comes_back_and_leaves(set_up, issuer, anonymous, browser, visit):
    first = await browser.finish(await visit(await browser.begin(), "c-1"))
    assert first.status == 201, first.data
    assert (first.json["name"], first.json["userEmail"]) == ("Carol", "carol@example.org")

    again = await browser.finish(await visit(await browser.begin(), "c-1"))
    assert again.json["userId"] == first.json["userId"]

    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    leaving = (await anonymous.using(Cookie=cookie).post("/api/auth/logout")).json["redirectUri"]
    assert leaving.startswith(f"{issuer}/")
    assert parse_qs(urlsplit(leaving).query)["id_token_hint"]
    client = anonymous.using(Authorization=f"Bearer {again.json['accessToken']}")
    assert (await client.get("/api/users/me")).status == 401


async def test_alice_links_her_account(set_up, alice, browser, visit):
    browser.client = alice
    answer = await browser.finish(await visit(await browser.begin(), "c-1"), path="/api/oauth/link")

    assert (answer.status, answer.json["oauthId"]) == (200, "c-1")


async def test_who_says_no_at_the_provider_is_not_let_in(set_up, anonymous, browser):
    url = await browser.begin()
    async with anonymous._http.post(
        url, data={"sub": "c-1", "action": "deny"}, allow_redirects=False
    ) as response:
        back = response.headers["Location"]

    answer = await browser.finish(back)
    assert (answer.status, answer.message) == (400, "Failed to finish oauth")
