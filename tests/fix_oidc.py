"""An OpenID provider, real over HTTP, that can be told to lie."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from server.context import CONTEXT
from sync.config import Config, OAuth

CLIENT_ID = "heliograph"
CLIENT_SECRET = "a secret of two: +/&="
LOGOUT = "http://schemas.openid.net/event/backchannel-logout"
RSA_KEY = RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})


class Provider:
    """Who may log in, and what it says of them. Tests change what it says and does."""

    def __init__(self) -> None:
        self.url = ""
        self.key: Any = RSA_KEY
        self.published: list[Any] = [RSA_KEY]
        self.algorithm = "RS256"
        self.users: dict[str, dict[str, Any]] = {}
        self.metadata: dict[str, Any] = {}  # said beside, or instead of, what is true
        self.claims: dict[str, Any] = {}  # likewise, in ID tokens; None: left out
        self.userinfo: dict[str, Any] = {}
        self.userinfo_algorithm = "none"
        self.in_id_token = True  # the profile; else only at the userinfo endpoint
        self.header: dict[str, Any] = {}
        self.change_token: Callable[[str], str] = lambda token: token
        self.answers: dict[str, Callable[[], web.StreamResponse]] = {}  # by path, instead
        self.slowly: dict[str, Callable[[], Awaitable[web.StreamResponse]]] = {}  # likewise
        self.hanging = asyncio.Event()
        self.asked: list[str] = []
        self.secrets: set[str] = {CLIENT_SECRET}  # what no log may have
        self._codes: dict[str, dict[str, str]] = {}
        self._tokens: dict[str, str] = {}

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._watch])
        app.router.add_get("/.well-known/openid-configuration", self._discover)
        app.router.add_get("/keys", self._show_keys)
        app.router.add_get("/authorize", self._authorize)
        app.router.add_post("/token", self._exchange)
        app.router.add_get("/userinfo", self._tell)
        return app

    def hang(self) -> web.StreamResponse:
        raise TimeoutError

    def sign(self, claims: dict[str, Any], *, key: Any = None, **header: Any) -> str:
        key = key or self.key
        header = {"alg": self.algorithm, "kid": key.kid} | self.header | header
        header = {name: value for name, value in header.items() if value is not None}
        claims = {name: value for name, value in claims.items() if value is not None}
        registry = JWSRegistry(algorithms=[header["alg"]], strict_check_header=False)
        token = jwt.encode(header, claims, key, registry=registry)
        self.secrets.add(token)
        return token

    def logout_token(self, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
        now = int(time.time())
        whole = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 120,
            "jti": uuid4().hex,
            "events": {LOGOUT: {}},
        }
        return self.sign(whole | claims, **{"typ": "logout+jwt", **(header or {})})

    @web.middleware
    async def _watch(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append(request.path)
        if change := self.answers.get(request.path):
            try:
                return change()
            except TimeoutError:
                await self.hanging.wait()
        if wait := self.slowly.get(request.path):
            return await wait()
        return await handler(request)

    async def _discover(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize?realm=home",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "end_session_endpoint": f"{self.url}/bye",
                "code_challenge_methods_supported": ["S256"],
            }
            | self.metadata
        )

    async def _show_keys(self, _: web.Request) -> web.Response:
        keys = [one if isinstance(one, dict) else one.as_dict(private=False)
                for one in self.published]  # fmt: skip
        return web.json_response({"keys": keys})

    async def _authorize(self, request: web.Request) -> web.Response:
        """Whoever names a user is that user: logging in is not what is tested here."""
        query = request.query
        if query["client_id"] != CLIENT_ID or query["response_type"] != "code":
            return web.Response(status=400)
        code = uuid4().hex
        self.secrets.add(code)
        self._codes[code] = {**query, "sub": request.headers["X-User"]}
        answer = urlencode({"code": code, "state": query["state"]})
        return web.Response(status=302, headers={"Location": f"{query['redirect_uri']}?{answer}"})

    async def _exchange(self, request: web.Request) -> web.Response:
        form = await request.post()
        basic = request.headers.get("Authorization", "").removeprefix("Basic ")
        pair = base64.b64decode(basic).decode().split(":") if basic else None
        given = [unquote(one) for one in pair] if pair else [form.get("client_id"),
                                                             form.get("client_secret")]  # fmt: skip
        if given != [CLIENT_ID, CLIENT_SECRET]:
            return web.json_response({"error": "invalid_client"}, status=401)
        asked = self._codes.pop(str(form["code"]), None)
        if asked is None or form["redirect_uri"] != asked["redirect_uri"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        if "code_challenge" in asked or "code_verifier" in form:
            digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            if asked["code_challenge_method"] != "S256" or challenge != asked["code_challenge"]:
                return web.json_response({"error": "invalid_grant"}, status=400)
        access_token = uuid4().hex
        self.secrets |= {access_token, str(form.get("code_verifier"))}
        self._tokens[access_token] = asked["sub"]
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "sub": asked["sub"],
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "sid": f"session of {asked['sub']}",
        }
        if self.in_id_token:
            claims |= self.users[asked["sub"]]
        token = self.change_token(self.sign(claims | self.claims))
        self.secrets.add(token)
        return web.json_response(
            {"access_token": access_token, "token_type": "Bearer", "id_token": token}
        )

    async def _tell(self, request: web.Request) -> web.Response:
        sub = self._tokens[request.headers["Authorization"].removeprefix("Bearer ")]
        claims = {"sub": sub} | self.users[sub] | self.userinfo
        if self.userinfo_algorithm == "none":
            return web.json_response(claims)
        token = self.sign({"iss": self.url, "aud": CLIENT_ID} | claims, alg=self.userinfo_algorithm)
        return web.Response(text=token, content_type="application/jwt")


def other_key(algorithm: str, kid: str = "other") -> Any:
    match algorithm[:2]:
        case "ES":
            return ECKey.generate_key("P-256", {"kid": kid})
        case "Ed":
            return OKPKey.generate_key("Ed25519", {"kid": kid})
        case "HS":
            return OctKey.import_key(CLIENT_SECRET)
    return RSAKey.generate_key(2048, {"kid": kid})


@pytest.fixture
async def provider():
    provider = Provider()
    served = TestServer(provider.app())
    await served.start_server()
    provider.url = str(served.make_url("")).rstrip("/")
    yield provider
    provider.hanging.set()
    await served.close()


@pytest.fixture
def use_provider(server, provider) -> Callable[..., None]:
    """Set the server up for this provider, with some settings different."""

    def use_provider(**changes: Any) -> None:
        settings = {
            "enabled": True,
            "issuer_url": provider.url,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "allow_insecure_requests": True,
            "timeout": 20_000,
        }
        server.app[CONTEXT].config = Config(oauth=OAuth(**(settings | changes)))

    return use_provider


class Browser:
    """A web app on its way to the provider and back, with its cookies."""

    def __init__(self, client: Any, http: Any, provider: Provider) -> None:
        self.client, self._http, self._provider = client, http, provider
        self.cookies: dict[str, str] = {}

    async def begin(self, **body: Any) -> str:
        """The address of the provider where to log in."""
        body = {"redirectUri": "https://photos.example.org/auth/login"} | body
        answer = await self.client.post("/api/oauth/authorize", body)
        assert answer.status == 201, answer.data
        self.keep(answer)
        self._provider.secrets |= set(parse_qs(urlsplit(answer.json["url"]).query)["state"])
        return answer.json["url"]

    async def visit(self, url: str, sub: str) -> str:
        """Log in at the provider as that user; return where it sends the browser."""
        headers = {"X-User": sub}
        async with self._http.get(url, headers=headers, allow_redirects=False) as response:
            assert response.status == 302, await response.text()
            return response.headers["Location"]

    async def finish(self, url: str, path: str = "/api/oauth/callback", **body: Any) -> Any:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {**self.client.headers, "Cookie": cookie}
        answer = await self.client.using(**headers).post(path, {"url": url} | body)
        self.keep(answer)
        return answer

    async def log_in(self, sub: str) -> Any:
        return await self.finish(await self.visit(await self.begin(), sub))

    def keep(self, answer: Any) -> None:
        for name, morsel in answer.cookies.items():
            self.cookies[name] = morsel.value
            if not morsel.value:
                del self.cookies[name]


@pytest.fixture
async def open_browser(anonymous, provider):
    """Another browser at the same server; with the credential of a client, or none."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield lambda client=None: Browser(client or anonymous, http, provider)


@pytest.fixture
def browser(open_browser):
    return open_browser()
