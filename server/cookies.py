"""The cookies by which browsers and the mobile app stay logged in."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import Literal

from aiohttp import web

TOKEN = "immich_access_token"
AUTH_TYPE = "immich_auth_type"
IS_AUTHENTICATED = "immich_is_authenticated"  # The web app reads this one in its script.
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


def is_secure(request: web.Request) -> bool:
    """The browser speaks https, to us or to a proxy near us that says so.

    A cookie marked `Secure` is dropped by a browser that came over plain http, as on a LAN.
    """
    if request.secure:
        return True
    forwarded = request.headers.get("X-Forwarded-Proto", "").split(",")[0].strip().lower()
    return forwarded == "https" and _is_near(request.remote)


def _is_near(peer: str | None) -> bool:
    """Loopback, link-local or private: where proxies are, and strangers are not."""
    try:
        address = ip_address(peer or "")
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.is_loopback or address.is_link_local or address.is_private
