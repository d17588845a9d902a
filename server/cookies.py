"""The cookies by which browsers and the mobile app stay logged in."""

from __future__ import annotations

import hmac
from base64 import b64encode
from hashlib import sha256
from ipaddress import IPv6Address, ip_address
from typing import Literal
from uuid import UUID

from aiohttp import web

TOKEN = "immich_access_token"
AUTH_TYPE = "immich_auth_type"
IS_AUTHENTICATED = "immich_is_authenticated"  # The web app reads this one in its script.
LINK_TOKENS = "immich_shared_link_token"
LINK_MAX_AGE_SECONDS = 24 * 60 * 60
LINKS_MAX = 20  # What a browser remembers of other links; a cookie must not grow for ever.
MAX_AGE_SECONDS = 400 * 24 * 60 * 60

AuthType = Literal["password", "oauth"]


def set_login(
    request: web.Request, response: web.Response, token: str, auth_type: AuthType
) -> None:
    for name, value in ((TOKEN, token), (AUTH_TYPE, auth_type), (IS_AUTHENTICATED, "true")):
        response.set_cookie(
            name,
            value,
            path="/",
            max_age=MAX_AGE_SECONDS,
            httponly=name != IS_AUTHENTICATED,
            secure=is_secure(request),
            samesite="Lax",
        )


def clear_login(response: web.Response) -> None:
    for name in (TOKEN, AUTH_TYPE, IS_AUTHENTICATED):
        response.del_cookie(name, path="/", samesite="Lax")


def open_link(request: web.Request, response: web.Response, link_id: UUID, password: str) -> None:
    """Remember in the browser that the password of this link was given, beside those before."""
    token = _link_token(link_id, password)
    others = [text for text in _link_tokens(request) if text != token]
    response.set_cookie(
        LINK_TOKENS,
        ",".join([*others[-LINKS_MAX:], token]),
        path="/",
        max_age=LINK_MAX_AGE_SECONDS,
        httponly=True,
        secure=is_secure(request),
        samesite="Lax",
    )


def is_link_open(request: web.Request, link_id: UUID, password: str) -> bool:
    """Whether the password that the link has now was given in this browser."""
    token = _link_token(link_id, password).encode()
    given = [text.encode(errors="surrogatepass") for text in _link_tokens(request)]
    return any([hmac.compare_digest(token, text) for text in given])


def _link_tokens(request: web.Request) -> list[str]:
    return [text for text in request.cookies.get(LINK_TOKENS, "").split(",") if text]


def _link_token(link_id: UUID, password: str) -> str:
    return b64encode(sha256(f"{link_id}-{password}".encode()).digest()).decode()


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
