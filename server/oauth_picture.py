"""The picture that an OpenID provider has of a user, fetched when they have none here.

Its address comes from the provider, where the user may have written it: what it leads to must be
of the provider itself or in the public network, or the server would ask its neighbours for others.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import suppress
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import NamedTuple
from urllib.parse import urljoin
from uuid import UUID

import aiohttp
from yarl import URL

from server import profile_pictures
from server.context import Context
from sql import Disconnected, reads
from storage import files
from storage.files import Incoming, StorageFull
from storage.paths import PROFILES
from sync.errors import Invalid
from sync.operations import users

logger = logging.getLogger(__name__)

BYTES_MAX = 8 * 1024 * 1024
SECONDS_MAX = 15.0
LED_ON_MAX = 3
EXTENSIONS = {  # Nothing that browsers run.
    "image/avif": "avif",
    "image/heic": "heic",
    "image/heif": "heif",
    "image/jpeg": "jpg",
    "image/jpg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
}
TRANSLATED = IPv6Network("64:ff9b::/96")  # NAT64: any IPv4 address, seen from IPv6.


class Found(NamedTuple):
    """What an address has: a picture of that kind, or another address."""

    extension: str = ""
    led_to: str = ""


class NotFetched(Exception):
    """There is no picture there for us; the text says why."""


async def adopt(context: Context, user_id: UUID, url: str) -> None:
    """Show the picture of that address for a user who has none. What fails is only logged."""
    async with context.database.read() as connection:
        if await reads.users.get_profile_image(connection, user_id=user_id):
            return
    with suppress(Disconnected):  # The next login tries again.
        try:
            await _adopt(context, user_id, url)
        except (NotFetched, Invalid, StorageFull) as problem:
            logger.warning("The picture of user %s is not taken over: %s", user_id, problem)


async def _adopt(context: Context, user_id: UUID, url: str) -> None:
    root, incoming = context.root, Incoming(context.root, PROFILES)
    try:
        extension = await _fetch(url, context.config.oauth.issuer_url, incoming)
        key = await asyncio.to_thread(
            profile_pictures.keep, root, user_id, incoming, f"picture.{extension}"
        )
    finally:
        await asyncio.shield(asyncio.to_thread(incoming.discard))
    is_shown = False
    try:
        async with context.database.write() as tx:
            is_shown = await users.add_profile_image(tx, user_id, key)
    finally:
        if not is_shown:
            await asyncio.shield(asyncio.to_thread(files.remove, root, key))


async def _fetch(url: str, issuer_url: str, incoming: Incoming) -> str:
    """Write it there; return the extension of what it is. Raises NotFetched."""
    try:
        async with asyncio.timeout(SECONDS_MAX):
            for _ in range(1 + LED_ON_MAX):
                found = await _ask(url, issuer_url, incoming)
                if found.extension:
                    return found.extension
                url = found.led_to
    except (aiohttp.ClientError, OSError, ValueError) as problem:  # TimeoutError is an OSError.
        raise NotFetched(type(problem).__name__) from None
    raise NotFetched("it leads on and on")


async def _ask(url: str, issuer_url: str, incoming: Incoming) -> Found:
    """Ask once, and write what comes. Raises NotFetched."""
    is_providers = _origin(url) == _origin(issuer_url)
    connector = aiohttp.TCPConnector(socket_factory=None if is_providers else _open_public)
    async with (
        aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as http,
        http.get(url, allow_redirects=False) as response,
    ):
        if "Location" in response.headers and 300 <= response.status < 400:
            return Found(led_to=urljoin(url, response.headers["Location"]))
        if response.status != 200:
            raise NotFetched(f"it answers {response.status}")
        extension = EXTENSIONS.get(response.content_type)
        if extension is None:
            raise NotFetched(f"{response.content_type} is no picture")
        async for part in response.content.iter_chunked(64 * 1024):
            if incoming.size + len(part) > BYTES_MAX:
                raise NotFetched("it is too large")
            await asyncio.to_thread(incoming.write, part)
        return Found(extension)


def _open_public(info: aiohttp.AddrInfoType) -> socket.socket:
    """A socket for that address, where the client is about to connect to. All else that could be
    looked at, the address as it is written or what its name meant before, says less."""
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise OSError(f"{address[0]} is not in the public network")
    return socket.socket(family, kind, protocol)


def is_public(address: str) -> bool:
    """Whether it is nobody's neighbour, however it is written."""
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour
        if inner is not None:
            return is_public(str(inner))
        if parsed in TRANSLATED or parsed.teredo:
            return False
    return parsed.is_global and not parsed.is_multicast


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """As the client reads it. Raises ValueError."""
    parts = URL(url)
    return parts.scheme, parts.host, parts.port
