"""Whether there is a newer release of this program: asked of a feed that somebody named.

Without an address nobody is asked: a server at home talks to nobody unasked.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import aiohttp
import msgspec

from server.context import Context
from server.wire import iso
from server.wire.releases import OURS, Release, parse
from sync.operations import system

logger = logging.getLogger(__name__)

VARIABLE = "HELIOGRAPH_RELEASES_URL"
SECONDS_MAX = 20.0
ANSWER_BYTES_MAX = 4 * 1024 * 1024
EVERY_HOUR = "23 * * * *"


class Entry(msgspec.Struct):
    """As GitHub and Forgejo list releases, as far as it matters here."""

    tag_name: str
    prerelease: bool = False
    draft: bool = False


class NoAnswer(Exception):
    """The feed says nothing of use; the text says why."""


async def check(context: Context) -> None:
    """A chore. What fails is logged, and the next hour tries again."""
    settings = context.config.new_version_check
    if context.releases_url is None or not settings.enabled:
        return
    try:
        entries = _read(await _fetch(context.releases_url))
    except NoAnswer as problem:
        logger.warning("Nobody says whether there is a newer release: %s", problem)
        return
    newest = _choose(entries, with_candidates=settings.channel == "releaseCandidate")
    if newest is None:
        logger.warning("The feed of releases names none")
        return
    release, tag = newest
    async with context.database.write() as tx:
        await system.note_release(
            tx, iso(datetime.now(UTC)), tag, is_newer=release.is_newer_than(OURS)
        )


async def _fetch(url: str) -> bytes:
    timeout = aiohttp.ClientTimeout(total=SECONDS_MAX)
    headers = {"Accept": "application/json", "User-Agent": "Heliograph"}
    data = bytearray()
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers) as http,
            http.get(url) as response,
        ):
            if response.status != 200:
                raise NoAnswer(f"it answers {response.status}")
            async for part in response.content.iter_chunked(64 * 1024):
                data += part
                if len(data) > ANSWER_BYTES_MAX:
                    raise NoAnswer("it answers with too much")
    except (aiohttp.ClientError, TimeoutError, ValueError) as problem:
        raise NoAnswer(f"{type(problem).__name__} {problem}") from None
    return bytes(data)


def _read(data: bytes) -> list[Entry]:
    """One release, or a list of them."""
    try:
        found: Any = msgspec.json.decode(data, type=list[Entry] | Entry)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise NoAnswer(f"its answer is no list of releases: {problem}") from None
    return found if isinstance(found, list) else [found]


def _choose(entries: list[Entry], *, with_candidates: bool) -> tuple[Release, str] | None:
    """The newest that is meant for us, with its tag."""
    newest: tuple[Release, str] | None = None
    for entry in entries:
        release = parse(entry.tag_name)
        if release is None or entry.draft:
            continue
        is_candidate = entry.prerelease or release.prerelease is not None
        if is_candidate and not with_candidates:
            continue
        if newest is None or release.is_newer_than(newest[0]):
            newest = release, entry.tag_name
    return newest
