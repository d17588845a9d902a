"""Make films over while they are watched: who asks, what runs for them, and when it stops."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

from media.hls_stream import Stream
from sql import Database, Disconnected
from sql.database import hear
from storage import streams
from sync import worker
from sync.config import FFmpeg
from sync.operations import video_streams
from sync.operations.video_streams import Wish

logger = logging.getLogger(__name__)
POLL_SECONDS = 5.0  # A wish may not be heard, and an end is not announced to the last of us.
RECONNECT_SECONDS = 0.5
IDLE_SECONDS = 30.0  # Players ask every few seconds, unless they are paused or gone.
YIELD_SECONDS = 10.0  # Who asks now goes before one that has not asked for so long.
NICENESS = 2  # Long before films that nobody waits for, a little after pictures.


class Streaming:
    """All that one worker does of it."""

    def __init__(self, database: Database, root: Path, threads: int) -> None:
        self._database, self._root = database, root
        self._streams_max = max(2, threads)
        self._streams: dict[UUID, Stream] = {}
        self._settings = FFmpeg()
        self._switched_on = asyncio.Event()
        # One may still be stopping while the next begins.
        self._threads = ThreadPoolExecutor(
            2 * self._streams_max, "stream", initializer=os.nice, initargs=(NICENESS,)
        )

    def follow(self, settings: FFmpeg) -> None:
        """Told of the settings, at first and whenever they may have changed."""
        self._settings = settings
        if settings.realtime.enabled:
            self._switched_on.set()
        else:
            self._switched_on.clear()

    async def run(self) -> None:
        """Until cancelled. While it is switched off, nothing listens."""
        while True:
            await self._switched_on.wait()
            try:
                async with self._database.listen(video_streams.WISHES) as session:
                    number = await video_streams.take_number(session)
                    while self._switched_on.is_set():
                        await self._turn(number)
                        worker.end_if_cancelled()
                        await hear(session, POLL_SECONDS)
            except Disconnected as lost:
                logger.warning("The films that are watched lost their session: %s", lost)
                await asyncio.sleep(RECONNECT_SECONDS)
            finally:
                await self._stop(list(self._streams))

    async def _turn(self, number: int) -> None:
        """Look what is wanted, and do it."""
        async with self._database.read() as connection:
            wishes = await video_streams.list_work(connection, number)
        kept = {one.id for one in wishes if one.is_ours and one.idle_seconds < IDLE_SECONDS}
        await self._stop([one for one in self._streams if one not in kept])
        for wish in wishes:
            if wish.is_ours and wish.id not in kept:
                await self._release(wish.id, number)
            elif wish.is_ours or await self._claim(wish, wishes, number):
                self._attend(wish, number)

    async def _claim(self, wish: Wish, others: list[Wish], number: int) -> bool:
        """Whether it is ours now: if there is room, or somebody who does not ask for more."""
        if len(self._streams) >= self._streams_max:
            waiting = [one for one in others if one.id in self._streams]
            longest = max(waiting, key=lambda one: one.idle_seconds, default=None)
            # Nor does who came back take it from who came back later.
            if longest is None or longest.idle_seconds < max(YIELD_SECONDS, wish.idle_seconds):
                return False
            await self._stop([longest.id])
            await self._release(longest.id, number)
        async with self._database.read() as connection:
            return await video_streams.claim(connection, wish.id, number)

    def _attend(self, wish: Wish, number: int) -> None:
        stream = self._streams.get(wish.id)
        if stream is None or stream.has_ended:
            stream = Stream(
                self._database,
                self._root,
                wish.id,
                wish.asset_id,
                number,
                lambda: self._settings,
                self._threads,
            )
            self._streams[wish.id] = stream
        if wish.variant is not None and wish.segment is not None:
            stream.want(wish.variant, wish.segment)

    async def _release(self, stream_id: UUID, number: int) -> None:
        async with self._database.read() as connection:
            await video_streams.release(connection, stream_id, number)

    async def _stop(self, ids: Collection[UUID]) -> None:
        """End them, and leave nothing of them."""
        ending = {one: self._streams.pop(one) for one in ids if one in self._streams}
        await asyncio.gather(*(stream.stop() for stream in ending.values()))
        for stream_id in ending:
            await asyncio.to_thread(streams.remove, self._root, stream_id)
