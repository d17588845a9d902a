"""/oauth: logging in, and out, through an OpenID provider."""

from __future__ import annotations

import hmac
import logging
import re
import secrets
from contextlib import suppress
from typing import Annotated, NamedTuple
from urllib.parse import parse_qs, urlsplit

from aiohttp import web
from msgspec import UNSET, Meta, UnsetType, field

from server import beside, cookies, limits, logins, oauth_picture, oidc
from server.body import Body, convert_text
from server.endpoint import Call, endpoint, json_response, read_body
from server.oauth import (
    CLIENT,
    CodeRefused,
    Provider,
    ProviderFailed,
    challenge_of,
    with_query,
)
from server.oauth_profile import default_quota_bytes, read_profile
from server.oidc import Untrusted
from server.wire import Json, accounts
from sql import reads
from sync import guesses
from sync.config import OAuth
from sync.errors import Invalid
from sync.guesses import Allowance
from sync.operations import oauth

logger = logging.getLogger(__name__)

APP_URI = "app.immich:///oauth-callback"
APP_URI_AS_SENT = re.compile(r"app\.immich:/+oauth-callback")
FIELDS_MAX = 50
URL_CHARACTERS_MAX = 16_384
FORM = "application/x-www-form-urlencoded"

# Printable ASCII, as the protocol has it.
State = Annotated[str, Meta(pattern=r"^[\x20-\x7e]{1,1024}\Z")]


class OAuthConfig(Body):
    redirect_uri: Annotated[str, Meta(max_length=4096)]
    state: State | UnsetType = UNSET
    code_challenge: Annotated[str, Meta(max_length=128)] | UnsetType = UNSET


class OAuthCallback(Body):
    url: Annotated[str, Meta(min_length=1, max_length=URL_CHARACTERS_MAX)]
    state: str | UnsetType = UNSET
    code_verifier: str | UnsetType = UNSET


class BackchannelLogout(Body):
    logout_token: str = field(name="logout_token")


class LetIn(NamedTuple):
    """Whom the provider let in."""

    grant: oauth.Grant
    profile: oauth.Profile


@endpoint("POST", "/oauth/authorize", auth="public", body=OAuthConfig, status=201)
async def start_oauth(call: Call) -> web.Response:
    """Where to log in. Apps bring their own state and challenge; browsers get theirs in cookies."""
    settings, body = _settings(call), call.body
    state = secrets.token_urlsafe(32) if body.state is UNSET else body.state
    code_verifier = None if body.code_challenge else secrets.token_urlsafe(48)
    attempt = oauth.Attempt(
        nonce=secrets.token_urlsafe(32),
        code_challenge=challenge_of(code_verifier) if code_verifier else body.code_challenge,
        redirect_uri=_resolve(settings, body.redirect_uri),
    )
    async with call.context.database.write() as tx:
        await guesses.spend(tx, [_attempts_from(call)])
    try:
        url = await _provider(call).authorize_url(state, attempt)
    except ProviderFailed as error:
        raise _failed("start oauth", error) from None
    async with call.context.database.write() as tx:
        await oauth.begin_attempt(tx, state, attempt)
    response = json_response({"url": url}, status=201)
    cookies.set_oauth(call.request, response, state, code_verifier)
    return response


@endpoint("POST", "/oauth/callback", auth="public", body=OAuthCallback, status=201)
async def finish_oauth(call: Call) -> web.Response:
    settings = _settings(call)
    let_in = await _let_in(call, "finish oauth")
    try:
        async with call.context.database.write() as tx:
            user_id = await oauth.find_user(
                tx,
                let_in.profile,
                is_registering=settings.auto_register,
                default_quota_bytes=default_quota_bytes(settings),
            )
            session_id, token = await logins.open_session(call, tx, user_id)
            await oauth.mark_session(tx, session_id, let_in.grant)
    except oauth.NotLetIn as refused:
        logger.warning(
            "OAuth login from %s refused: %s", limits.address_of(call.request), refused.reason
        )
        raise
    if picture_url := let_in.profile.picture_url:
        work = oauth_picture.adopt(call.context, user_id, picture_url)
        beside.begin(call.request.app, work)  # Nobody waits at the door for their picture.
    response = await logins.answer_login(call, user_id, token, "oauth")
    cookies.clear_oauth(response)
    return response


@endpoint("POST", "/oauth/link", body=OAuthCallback)
async def link_oauth_account(call: Call) -> web.Response:
    _settings(call)
    let_in = await _let_in(call, "link oauth account")
    async with call.context.database.write() as tx:
        await oauth.link(tx, call.actor, let_in.grant)
    response = json_response(await _show_account(call))
    cookies.clear_oauth(response)
    return response


@endpoint("POST", "/oauth/unlink")
async def unlink_oauth_account(call: Call) -> Json:
    async with call.context.database.write() as tx:
        await oauth.unlink(tx, call.actor)
    return await _show_account(call)


@endpoint("GET", "/oauth/mobile-redirect", auth="public")
async def redirect_oauth_to_mobile(call: Call) -> web.Response:
    """For providers that send nobody to an app: they send here, and we to the app."""
    query = call.request.raw_path.partition("?")[2]
    return web.Response(status=307, headers={"Location": f"{APP_URI}?{query}"})


@endpoint("POST", "/oauth/backchannel-logout", auth="public")
async def logout_oauth(call: Call) -> web.Response:
    """The provider tells that somebody logged out there."""
    if not call.context.config.oauth.enabled:
        raise Invalid("Received backchannel logout request but OAuth is not enabled")
    fields: dict[str, list[str]] = {}
    if call.request.content_type == FORM:
        fields = _read_fields((await read_body(call.request)).decode(errors="replace"))
    token = convert_text(fields, BackchannelLogout).logout_token
    try:
        claims = await _provider(call).read_logout(token)
    except (Untrusted, ProviderFailed) as error:
        logger.warning("A logout token is refused: %s", error)
        raise Invalid("Error backchannel logout: token validation failed") from None
    sub, sid, token_id = (oidc.read_id(claims, name) for name in ("sub", "sid", "jti"))
    if not sub and not sid:
        raise Invalid("Invalid logout token: it must contain either a sub or a sid claim")
    async with call.context.database.write() as tx:
        await oauth.end_sessions(tx, sub=sub, sid=sid, token_id=token_id or token)
    return web.Response()


@endpoint("POST", "/admin/auth/unlink-all", auth="admin", permission="adminAuth.unlinkAll")
async def unlink_all_oauth_accounts_admin(call: Call) -> None:
    async with call.context.database.write() as tx:
        await oauth.unlink_all(tx, call.actor)


async def logout_url(call: Call) -> str | None:
    """Where a browser that logged in through the provider logs out there; None without that."""
    settings = call.context.config.oauth
    if not settings.enabled or not cookies.is_oauth(call.request):
        return None
    url = None
    with suppress(ProviderFailed):  # Nobody has to stay because the provider is away.
        url = await _provider(call).end_session_url()
    if url and call.actor.session_id:
        async with call.context.database.read() as connection:
            row = await reads.oauth.get_id_token(connection, session_id=call.actor.session_id)
        if row and row["oauth_id_token"]:
            return with_query(url, {"id_token_hint": row["oauth_id_token"]})
    return url


def _attempts_from(call: Call) -> Allowance:
    """Each one asks the provider, and is kept until somebody comes back."""
    return Allowance(f"oauth {limits.address_of(call.request)}", 60, 1.0)


async def _let_in(call: Call, action: str) -> LetIn:
    """Whom the provider let in, when this is who was sent there; once."""
    body, settings = call.body, call.context.config.oauth
    state = _given(call, body.state, cookies.OAUTH_STATE)
    if not state:
        raise Invalid("OAuth state is missing")
    verifier = _given(call, body.code_verifier, cookies.OAUTH_VERIFIER)
    if not verifier:
        raise Invalid("OAuth code verifier is missing")
    answer = _read_answer(_resolve(settings, body.url))
    refused = Invalid(f"Failed to {action}")
    if not _is_same(answer.get("state", ""), state):
        raise refused
    async with call.context.database.write() as tx:
        attempt = await oauth.take_attempt(tx, state)
    if attempt is None or not _is_same(challenge_of(verifier), attempt.code_challenge):
        raise refused
    if "error" in answer or not answer.get("code"):
        raise refused
    try:
        grant, claims = await _provider(call).log_in(
            attempt, answer["code"], verifier, issuer=answer.get("iss")
        )
        return LetIn(grant, read_profile(claims, settings))
    except CodeRefused as error:
        logger.warning("OAuth login from %s refused: %s", limits.address_of(call.request), error)
        raise refused from None
    except (ProviderFailed, Untrusted) as error:
        raise _failed(action, error) from None


def _given(call: Call, text: str | UnsetType, cookie: str) -> str:
    """Said by an app; a browser has it in a cookie."""
    return call.request.cookies.get(cookie, "") if text is UNSET else str(text)


def _settings(call: Call) -> OAuth:
    settings = call.context.config.oauth
    if not settings.enabled:
        raise Invalid("OAuth is not enabled")
    return settings


def _provider(call: Call) -> Provider:
    return call.request.app[CLIENT].provider(call.context.config.oauth)


def _resolve(settings: OAuth, uri: str) -> str:
    """Where the provider sends an app: to a web address, if it sends nobody to apps."""
    if not settings.mobile_override_enabled or not settings.mobile_redirect_uri:
        return uri
    return APP_URI_AS_SENT.sub(lambda _: settings.mobile_redirect_uri, uri, count=1)


def _read_answer(url: str) -> dict[str, str]:
    """What the provider sent the browser back with; nothing that is there twice."""
    try:
        found = _read_fields(urlsplit(url).query)
    except ValueError:
        return {}
    return {name: values[0] for name, values in found.items() if len(values) == 1}


def _read_fields(text: str) -> dict[str, list[str]]:
    """Of a query or a form; none of more than anybody sends."""
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError:
        return {}


def _failed(action: str, error: Exception) -> web.HTTPException:
    """As the contract has it for whatever is wrong at the provider's side."""
    logger.warning("Failed to %s: %s", action, error)
    return web.HTTPInternalServerError(reason=f"Failed to {action}")


def _is_same(given: str, expected: str) -> bool:
    return hmac.compare_digest(
        given.encode(errors="surrogatepass"), expected.encode(errors="surrogatepass")
    )


async def _show_account(call: Call) -> Json:
    async with call.context.database.read() as connection:
        row = await reads.users.get_user(connection, user_id=call.actor.user_id)
    if row is None:
        raise Invalid("User not found")
    return accounts.show_account(row)
