"""Waits for what workers make of films that are being watched."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from aiohttp import web

from server import beside
from server.context import CONTEXT, Context
from sql import Disconnected
from sql.database import hear
from storage import streams
from sync.operations import video_streams

logger = logging.getLogger(__name__)
LISTEN_SECONDS = 60.0
LOOK_SECONDS = 2.0  # What is announced may not be heard.
RECONNECT_SECONDS = 0.5
Found = TypeVar("Found")


class News:
    """Of which sessions something was made, while somebody waits for it."""

    def __init__(self, app: web.Application) -> None:
        self._app, self._database = app, app[CONTEXT].database
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._is_listening = False

    async def wait(
        self, stream_id: str, look: Callable[[], Awaitable[Found | None]], seconds: float
    ) -> Found | None:
        """What is found when looked for at first, and whenever something was made; None when it
        did not come in time."""
        deadline = time.monotonic() + seconds
        async with self._expecting(stream_id) as news:
            while True:
                news.clear()
                if (found := await look()) is not None:
                    return found
                if (left := deadline - time.monotonic()) <= 0:
                    return None
                try:
                    await asyncio.wait_for(news.wait(), min(left, LOOK_SECONDS))
                except TimeoutError:
                    continue

    @asynccontextmanager
    async def _expecting(self, stream_id: str) -> AsyncIterator[asyncio.Event]:
        if not self._is_listening:  # Where nobody watches, nothing listens.
            self._is_listening = True
            beside.begin(self._app, self._listen())
        news = asyncio.Event()
        self._waiting[stream_id].add(news)
        try:
            yield news
        finally:
            self._waiting[stream_id].discard(news)
            if not self._waiting[stream_id]:
                del self._waiting[stream_id]

    async def _listen(self) -> None:
        while True:
            try:
                async with self._database.listen(video_streams.SEGMENTS) as session:
                    heard = list(self._waiting)  # What was said before, nobody heard.
                    while True:
                        for stream_id in heard:
                            for news in self._waiting.get(stream_id, ()):
                                news.set()
                        heard = await hear(session, LISTEN_SECONDS)
            except Disconnected as lost:
                logger.warning("What is made of films is not heard of: %s", lost)
                await asyncio.sleep(RECONNECT_SECONDS)


NEWS = web.AppKey("NEWS", News)


def attach(app: web.Application) -> None:
    app[NEWS] = News(app)


async def remove_leftovers(context: Context) -> None:
    """A chore: sessions nobody came back to, and what workers left of theirs that died."""
    ids = await asyncio.to_thread(streams.list_sessions, context.root)
    async with context.database.read() as connection:
        abandoned = await video_streams.list_abandoned(connection, ids)
    for stream_id in abandoned:
        await asyncio.to_thread(streams.remove, context.root, stream_id)
