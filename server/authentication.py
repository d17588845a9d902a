"""Who is asking: credentials of a request, and the secrets behind them."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import bcrypt
from aiohttp import web

from server import cookies, devices
from sql import Database, reads
from sync.actor import Actor, Link
from sync.errors import Unauthenticated
from sync.operations import sessions

BCRYPT_ROUNDS = 10
BCRYPT_BYTES_MAX = 72  # It reads no further, so neither does anybody who compares.
LINK_KEY_BYTES = 50
TOUCH_EVERY = timedelta(hours=1)  # A session's last use is kept no closer: idle means idle.

EXTEND_BELOW = sessions.EXTENDED - timedelta(seconds=10)  # Not each request is to write.


class Credential(NamedTuple):
    """One way of saying who one is."""

    kind: str  # link, slug, session or key
    secret: str


def find_credential(request: web.Request, *, with_query: bool = True) -> Credential | None:
    """The one credential that counts: the first kind that is there, right or wrong."""
    headers, query = request.headers, request.query if with_query else {}
    candidates: list[tuple[str, str | None]] = [
        ("link", headers.get("x-immich-share-key") or query.get("key")),
        ("slug", headers.get("x-immich-share-slug") or query.get("slug")),
        ("session", headers.get("x-immich-user-token") or headers.get("x-immich-session-token")),
        ("session", query.get("sessionKey")),
        ("session", _bearer(headers.get("Authorization", ""))),
        ("session", request.cookies.get(cookies.TOKEN)),
        ("key", headers.get("x-api-key") or query.get("apiKey")),
    ]
    return next((Credential(kind, secret) for kind, secret in candidates if secret), None)


async def authenticate(
    database: Database, request: web.Request, *, with_query: bool = True
) -> Actor:
    """The actor behind a request. Raises Unauthenticated."""
    credential = find_credential(request, with_query=with_query)
    match credential:
        case Credential("session", token):
            return await _find_session(database, request, token)
        case Credential("key", key):
            return await _find_api_key(database, key)
        case Credential("link" | "slug" as kind, secret):
            return await _find_link(database, request, kind, secret)
    raise Unauthenticated("Authentication required")


def make_token() -> str:
    """A secret of 32 random bytes, of letters and digits."""
    return secrets.token_urlsafe(32).replace("-", "").replace("_", "")


def make_link_key() -> bytes:
    """What is in the address of a shared link."""
    return secrets.token_bytes(LINK_KEY_BYTES)


def hash_token(token: str) -> bytes:
    """What is stored of a token or key. It is random, so a plain hash keeps it as safe as a slow
    one, and looking the hash up tells nothing by its timing."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


async def hash_password(password: str) -> str:
    salt = bcrypt.gensalt(BCRYPT_ROUNDS)
    return (await asyncio.to_thread(bcrypt.hashpw, _cut(password), salt)).decode()


async def check_password(password: str, hashed: str | None) -> bool:
    """Takes as long for a user who is not there, or has no password."""
    try:
        is_right = await asyncio.to_thread(
            bcrypt.checkpw, _cut(password), (hashed or NOBODY).encode()
        )
    except ValueError:  # what is stored is no hash
        return False
    return is_right and hashed is not None


def _cut(password: str) -> bytes:
    return password.encode()[:BCRYPT_BYTES_MAX]


def _bearer(header: str) -> str | None:
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


async def _find_session(database: Database, request: web.Request, token: str) -> Actor:
    async with database.read() as connection:
        row = await reads.sessions.find_session(connection, token_hash=hash_token(token))
    if row is None:
        raise Unauthenticated("Invalid user token")
    version = devices.app_version(request.headers.get("User-Agent", ""))
    is_new_version = version is not None and version != row["app_version"]
    if is_new_version or datetime.now(UTC) - row["updated_at"] > TOUCH_EVERY:
        async with database.write() as tx:
            await sessions.touch_session(tx, row["id"], version)
    unlocked_until = row["pin_expires_at"] if row["is_elevated"] else None
    if unlocked_until and unlocked_until - datetime.now(UTC) < EXTEND_BELOW:
        async with database.write() as tx:
            await sessions.extend_unlocked(tx, row["id"])
    return Actor(
        user_id=row["user_id"],
        is_admin=row["is_admin"],
        session_id=row["id"],
        is_elevated=bool(row["is_elevated"]),
    )


async def _find_api_key(database: Database, key: str) -> Actor:
    async with database.read() as connection:
        row = await reads.api_keys.find_api_key(connection, key_hash=hash_token(key))
    if row is None:
        raise Unauthenticated("Invalid API key")
    return Actor(
        user_id=row["user_id"],
        is_admin=row["is_admin"],
        api_key_id=row["id"],
        permissions=frozenset(row["permissions"]),
    )


async def _find_link(database: Database, request: web.Request, kind: str, secret: str) -> Actor:
    is_slug = kind == "slug"
    key_hash = None if is_slug else hashlib.sha256(_link_key(secret)).digest()
    slug = secret if is_slug and _is_text(secret) else None
    async with database.read() as connection:
        row = await reads.access.find_link(connection, key_hash=key_hash, slug=slug)
    if row is None:
        raise Unauthenticated(f"Invalid share {'slug' if is_slug else 'key'}")
    is_open = row["password"] is None or cookies.is_link_open(
        request, row["secret"], row["password"]
    )
    return Actor(
        user_id=row["user_id"],
        link=Link(
            row["id"],
            row["album_id"],
            is_upload_allowed=row["is_upload_allowed"],
            is_download_allowed=row["is_download_allowed"],
            is_metadata_shown=row["is_metadata_shown"],
            is_open=is_open,
        ),
    )


def _is_text(secret: str) -> bool:
    """Such as Postgres keeps: headers may hold other bytes."""
    return "\0" not in secret and not any("\ud800" <= letter <= "\udfff" for letter in secret)


def _link_key(text: str) -> bytes:
    """The 50 bytes: as base64url, or 100 hex digits. Whatever else fits no link."""
    try:
        if len(text) == LINK_KEY_BYTES * 2:
            return bytes.fromhex(text)
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""


NOBODY = bcrypt.hashpw(secrets.token_bytes(16), bcrypt.gensalt(BCRYPT_ROUNDS)).decode()
