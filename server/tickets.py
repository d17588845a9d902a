"""Credentials of the maintenance mode: they hold while there is no database to ask."""

from __future__ import annotations

import secrets
import time

from aiohttp import web
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from sync.errors import Unauthenticated

COOKIE = "immich_maintenance_token"
COOKIE_SECONDS = 24 * 60 * 60
TICKET_SECONDS = 4 * 60 * 60
ALGORITHM = "HS256"
HOLDER = web.RequestKey("HOLDER", str)  # of the ticket that a request came with


def make_secret() -> str:
    return secrets.token_hex(64)


def sign(secret: str, username: str) -> str:
    """A ticket that says who it was made for."""
    now = int(time.time())
    claims = {"username": username, "iat": now, "exp": now + TICKET_SECONDS}
    return jwt.encode({"alg": ALGORITHM}, claims, OctKey.import_key(secret))


def read(secret: str, ticket: str | None) -> str:
    """Whom it was made for. Raises Unauthenticated."""
    if not ticket:
        raise Unauthenticated("Missing JWT Token")
    try:
        claims = jwt.decode(ticket, OctKey.import_key(secret), algorithms=[ALGORITHM]).claims
        jwt.JWTClaimsRegistry(exp={"essential": True}).validate(claims)
    except (JoseError, ValueError):
        raise Unauthenticated("Invalid JWT Token") from None
    return str(claims.get("username", ""))
