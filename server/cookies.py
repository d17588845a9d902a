"""The cookies by which browsers and the mobile app stay logged in."""

from __future__ import annotations

import hmac
from base64 import b64encode
from ipaddress import IPv6Address, ip_address
from typing import Literal

from aiohttp import web

TOKEN = "immich_access_token"
AUTH_TYPE = "immich_auth_type"
IS_AUTHENTICATED = "immich_is_authenticated"  # The web app reads this one in its script.
OAUTH_STATE = "immich_oauth_state"
OAUTH_VERIFIER = "immich_oauth_code_verifier"
LINK_TOKENS = "immich_shared_link_token"
LINK_MAX_AGE_SECONDS = 24 * 60 * 60
LINKS_MAX = 20  # What a browser remembers of other links; a cookie must not grow for ever.
OAUTH_MAX_AGE_SECONDS = 10 * 60  # Nobody takes longer to log in at a provider.
MAX_AGE_SECONDS = 400 * 24 * 60 * 60

AuthType = Literal["password", "oauth"]


def set_login(
    request: web.Request, response: web.Response, token: str, auth_type: AuthType
) -> None:
    for name, value in ((TOKEN, token), (AUTH_TYPE, auth_type), (IS_AUTHENTICATED, "true")):
        is_hidden = name != IS_AUTHENTICATED
        _set(request, response, name, value, MAX_AGE_SECONDS, is_hidden=is_hidden)


def clear_login(response: web.Response) -> None:
    for name in (TOKEN, AUTH_TYPE, IS_AUTHENTICATED):
        response.del_cookie(name, path="/", samesite="Lax")


def is_oauth(request: web.Request) -> bool:
    """Whether this browser logged in through an OpenID provider."""
    return request.cookies.get(AUTH_TYPE) == "oauth"


def set_oauth(
    request: web.Request, response: web.Response, state: str, code_verifier: str | None
) -> None:
    """What shows that who comes back from the provider is who was sent there. Apps keep the
    verifier to themselves."""
    for name, value in ((OAUTH_STATE, state), (OAUTH_VERIFIER, code_verifier)):
        if value:
            _set(request, response, name, value, OAUTH_MAX_AGE_SECONDS)


def clear_oauth(response: web.Response) -> None:
    for name in (OAUTH_STATE, OAUTH_VERIFIER):
        response.del_cookie(name, path="/", samesite="Lax")


def open_link(request: web.Request, response: web.Response, secret: bytes, password: str) -> None:
    """Remember in the browser that the password of this link was given, beside those before."""
    token = _link_token(secret, password)
    others = [text for text in _link_tokens(request) if text != token]
    tokens = ",".join([*others[-LINKS_MAX:], token])
    _set(request, response, LINK_TOKENS, tokens, LINK_MAX_AGE_SECONDS)


def is_link_open(request: web.Request, secret: bytes, password: str) -> bool:
    """Whether the password that the link has now was given in this browser."""
    token = _link_token(secret, password).encode()
    given = [text.encode(errors="surrogatepass") for text in _link_tokens(request)]
    return any([hmac.compare_digest(token, text) for text in given])


def _set(
    request: web.Request,
    response: web.Response,
    name: str,
    value: str,
    max_age_seconds: int,
    *,
    is_hidden: bool = True,
) -> None:
    """`is_hidden`: from scripts."""
    response.set_cookie(
        name,
        value,
        path="/",
        max_age=max_age_seconds,
        httponly=is_hidden,
        secure=is_secure(request),
        samesite="Lax",
    )


def _link_tokens(request: web.Request) -> list[str]:
    return [text for text in request.cookies.get(LINK_TOKENS, "").split(",") if text]


def _link_token(secret: bytes, password: str) -> str:
    return b64encode(hmac.digest(secret, password.encode(), "sha256")).decode()


def is_secure(request: web.Request) -> bool:
    """The browser speaks https, to us or to a proxy near us that says so.

    A cookie marked `Secure` is dropped by a browser that came over plain http, as on a LAN.
    """
    if request.secure:
        return True
    forwarded = request.headers.get("X-Forwarded-Proto", "").split(",")[0].strip().lower()
    return forwarded == "https" and is_near(request.remote)


def is_near(peer: str | None) -> bool:
    """Loopback, link-local or private: where proxies are, and strangers are not."""
    try:
        address = ip_address(peer or "")
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.is_loopback or address.is_link_local or address.is_private
