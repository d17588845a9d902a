"""The OpenID provider, asked over HTTP: who logs in, who logged out, where to send a browser."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import AsyncIterator
from typing import Any, NamedTuple, NoReturn, TypeVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import aiohttp
import msgspec
from aiohttp import web
from joserfc.jwk import Key

from server import oidc
from server.oidc import Claims, UnknownKey, Untrusted
from sync.config import OAuth
from sync.operations.oauth import Attempt, Grant

ANSWER_BYTES_MAX = 1024 * 1024
KNOWN_FOR_SECONDS = 300.0  # What a provider says of itself is asked again after this.
NEW_KEYS_EVERY_SECONDS = 10.0  # Anybody may name a key that there is not.
Read = TypeVar("Read")
DISCOVERY = "/.well-known/openid-configuration"


class ProviderFailed(Exception):
    """The provider does not answer, or not as it must. The text is for the log: it has neither
    tokens nor codes in it."""


class CodeRefused(Exception):
    """The provider does not know the code that a browser brought."""


class Metadata(msgspec.Struct):
    """What a provider says of itself, as far as it matters here."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str | None = None
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    code_challenge_methods_supported: list[str] | None = None
    authorization_response_iss_parameter_supported: bool = False

    @property
    def has_pkce(self) -> bool:
        """Who says nothing of it takes it, or ignores it."""
        methods = self.code_challenge_methods_supported
        return methods is None or "S256" in methods


class Tokens(msgspec.Struct):
    id_token: str
    access_token: str | None = None


class Refusal(msgspec.Struct):
    error: str


class Answer(NamedTuple):
    status: int
    content_type: str
    data: bytes


def challenge_of(code_verifier: str) -> str:
    """PKCE's S256."""
    digest = hashlib.sha256(code_verifier.encode(errors="surrogatepass")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Provider:
    """The provider of these settings, and what is known of it for now."""

    def __init__(self, http: aiohttp.ClientSession, settings: OAuth) -> None:
        self.settings = settings
        self._http = http
        self._known: Metadata | None = None
        self._known_until = 0.0
        self._keys: list[Key] | None = None
        self._keys_until = self._new_keys_at = 0.0

    async def authorize_url(self, state: str, attempt: Attempt) -> str:
        """Where a browser asks the provider to be let in."""
        known = await self._discover()
        parameters = {
            "client_id": self.settings.client_id,
            "response_type": "code",
            "redirect_uri": attempt.redirect_uri,
            "scope": self.settings.scope,
            "state": state,
            "nonce": attempt.nonce,
        }
        if known.has_pkce:
            parameters["code_challenge"] = attempt.code_challenge
            parameters["code_challenge_method"] = "S256"
        if self.settings.prompt:
            parameters["prompt"] = self.settings.prompt
        return with_query(known.authorization_endpoint, parameters)

    async def log_in(
        self, attempt: Attempt, code: str, code_verifier: str, *, issuer: str | None
    ) -> tuple[Grant, Claims]:
        """Who brought this code, and what the provider says of them. `issuer`: of the answer
        that had the code. Raises ProviderFailed and CodeRefused."""
        known = await self._discover()
        if issuer is None and known.authorization_response_iss_parameter_supported:
            raise CodeRefused("nobody says which provider answered (iss)")
        if issuer is not None and issuer != known.issuer:
            raise CodeRefused("another provider answered (iss)")
        tokens = await self._exchange(known, attempt.redirect_uri, code, code_verifier)
        try:
            claims = await self._read(tokens.id_token, self.settings.signing_algorithm)
            oidc.check_id_token(
                claims,
                issuer=known.issuer,
                client_id=self.settings.client_id,
                nonce=attempt.nonce,
            )
        except Untrusted as error:
            raise ProviderFailed(f"The ID token is not to be believed: {error}") from error
        grant = Grant(claims["sub"], oidc.read_id(claims, "sid"), tokens.id_token)
        if "email" not in claims and known.userinfo_endpoint and tokens.access_token:
            claims = await self._ask_userinfo(known, tokens.access_token, claims)
        return grant, claims

    async def read_logout(self, token: str) -> Claims:
        """What a logout token says. Raises Untrusted and ProviderFailed."""
        known = await self._discover()
        claims = await self._read(token, self.settings.signing_algorithm)
        oidc.check_logout_token(claims, issuer=known.issuer, client_id=self.settings.client_id)
        return claims

    async def end_session_url(self) -> str | None:
        """Where a browser logs out at the provider, if it can."""
        if self.settings.end_session_endpoint:
            return self.settings.end_session_endpoint
        return (await self._discover()).end_session_endpoint

    async def _exchange(
        self, known: Metadata, redirect_uri: str, code: str, code_verifier: str
    ) -> Tokens:
        settings = self.settings
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
        }
        if known.has_pkce:
            form["code_verifier"] = code_verifier
        headers = {"Accept": "application/json"}
        if settings.client_secret and settings.token_endpoint_auth_method == "client_secret_basic":
            pair = f"{quote(settings.client_id, safe='')}:{quote(settings.client_secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form["client_id"] = settings.client_id
            if settings.client_secret:
                form["client_secret"] = settings.client_secret
        answer = await self._ask("POST", known.token_endpoint, data=form, headers=headers)
        if answer.status != 200:
            _refuse_code(answer)
        return _decode(answer, Tokens, "the token endpoint")

    async def _ask_userinfo(self, known: Metadata, access_token: str, said: Claims) -> Claims:
        """What the provider says of a user beside the ID token; it has to be the same user."""
        assert known.userinfo_endpoint
        headers = {"Authorization": f"Bearer {access_token}"}
        answer = await self._ask("GET", known.userinfo_endpoint, headers=headers)
        if answer.status != 200:
            raise ProviderFailed(f"The userinfo endpoint answers {answer.status}")
        algorithm = self.settings.profile_signing_algorithm
        if algorithm == "none":
            claims = _decode(answer, dict[str, Any], "the userinfo endpoint")
        else:
            try:
                claims = await self._read(answer.data.decode(errors="replace").strip(), algorithm)
                oidc.check_userinfo(claims, issuer=known.issuer, client_id=self.settings.client_id)
            except Untrusted as error:
                raise ProviderFailed(f"The profile is not to be believed: {error}") from error
        if claims.get("sub") != said["sub"]:
            raise ProviderFailed("The userinfo endpoint tells of somebody else (sub)")
        return claims

    async def _read(self, token: str, algorithm: str) -> Claims:
        """A signed token's claims, its signature checked. Raises Untrusted and ProviderFailed."""
        if algorithm.startswith("HS"):
            secret = oidc.secret_key(self.settings.client_secret)
            return oidc.read_claims(token, secret, algorithm)
        try:
            return oidc.read_claims(token, await self._list_keys(), algorithm)
        except UnknownKey:
            return oidc.read_claims(token, await self._list_keys(is_new=True), algorithm)

    async def _discover(self) -> Metadata:
        if self._known is None or time.monotonic() >= self._known_until:
            self._known = await self._ask_metadata()
            self._known_until = time.monotonic() + KNOWN_FOR_SECONDS
        return self._known

    async def _ask_metadata(self) -> Metadata:
        issuer = self.settings.issuer_url
        is_whole = "/.well-known/" in urlsplit(issuer).path
        answer = await self._ask("GET", issuer if is_whole else issuer.rstrip("/") + DISCOVERY)
        if answer.status != 200:
            raise ProviderFailed(f"The discovery document answers {answer.status}")
        known = _decode(answer, Metadata, "the discovery document")
        if not is_whole and known.issuer.rstrip("/") != issuer.rstrip("/"):
            raise ProviderFailed("The discovery document is of another issuer than is set")
        for url in (known.authorization_endpoint, known.end_session_endpoint):
            if url is not None:  # Browsers are sent there.
                self._require_safe(url)
        return known

    async def _list_keys(self, *, is_new: bool = False) -> list[Key]:
        """`is_new`: ask again, unless somebody just did."""
        known = await self._discover()
        if known.jwks_uri is None:
            raise ProviderFailed("The discovery document names no keys (jwks_uri)")
        now = time.monotonic()
        is_due = self._keys is None or now >= self._keys_until
        if is_due or (is_new and now >= self._new_keys_at):
            if is_new:
                self._new_keys_at = now + NEW_KEYS_EVERY_SECONDS
            answer = await self._ask("GET", known.jwks_uri)
            if answer.status != 200:
                raise ProviderFailed(f"The keys answer {answer.status}")
            self._keys = oidc.read_keys(_decode(answer, dict[str, Any], "the keys"))
            self._keys_until = now + KNOWN_FOR_SECONDS
        assert self._keys is not None
        return self._keys

    async def _ask(self, method: str, url: str, **options: Any) -> Answer:
        """Bounded in time and size, and never led elsewhere."""
        self._require_safe(url)
        timeout = aiohttp.ClientTimeout(total=self.settings.timeout / 1000)
        try:
            async with self._http.request(
                method, url, allow_redirects=False, timeout=timeout, **options
            ) as response:
                data = bytearray()
                async for part in response.content.iter_chunked(64 * 1024):
                    data += part
                    if len(data) > ANSWER_BYTES_MAX:
                        raise ProviderFailed(f"{urlsplit(url).netloc} answers with too much")
                return Answer(response.status, response.content_type, bytes(data))
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ProviderFailed(
                f"{urlsplit(url).netloc} cannot be asked: {type(error).__name__}"
            ) from None

    def _require_safe(self, url: str) -> None:
        schemes = ("https", "http") if self.settings.allow_insecure_requests else ("https",)
        try:
            parts = urlsplit(url)
        except ValueError:
            raise ProviderFailed("The provider names an address that is none") from None
        if parts.scheme not in schemes or not parts.hostname:
            raise ProviderFailed(f"{parts.scheme}://{parts.netloc} is not secure, or no address")


class Client:
    """What this process knows of the provider that is set."""

    def __init__(self) -> None:
        self._http: aiohttp.ClientSession | None = None
        self._provider: Provider | None = None

    def provider(self, settings: OAuth) -> Provider:
        assert self._http
        if self._provider is None or self._provider.settings != settings:
            self._provider = Provider(self._http, settings)
        return self._provider

    async def keep(self, _: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as self._http:
            yield


CLIENT = web.AppKey("OAUTH_CLIENT", Client)


def keep_client(app: web.Application) -> None:
    client = app[CLIENT] = Client()
    app.cleanup_ctx.append(client.keep)


def with_query(url: str, parameters: dict[str, str]) -> str:
    """The address with more said behind it."""
    parts = urlsplit(url)
    pairs = [*parse_qsl(parts.query, keep_blank_values=True), *parameters.items()]
    return parts._replace(query=urlencode(pairs, quote_via=quote)).geturl()


def _refuse_code(answer: Answer) -> NoReturn:
    """Which of the two is wrong: the code, or how the provider is set up here."""
    error = ""
    if answer.status in (400, 401):
        error = _decode(answer, Refusal, "the token endpoint").error
    if error == "invalid_grant":
        raise CodeRefused("the provider does not know the code")
    known = error if error.isidentifier() and len(error) < 64 else "no reason"
    raise ProviderFailed(f"The token endpoint answers {answer.status}: {known}")


def _decode(answer: Answer, kind: type[Read], source: str) -> Read:
    try:
        return msgspec.json.decode(answer.data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProviderFailed(f"What {source} answers is not what it must be") from error
