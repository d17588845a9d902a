"""One film that somebody watches: makes what they want next, a little ahead of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from threading import Condition, Event
from uuid import UUID

from media import hls_encoder, hls_outline
from media.errors import UnreadableImage
from media.hls_encoder import Request, Stopped
from sql import Database, Disconnected
from storage import paths, streams
from storage.files import StorageFull
from sync.config import FFmpeg
from sync.film_variants import Outline, Variant, count_segments, list_variants
from sync.operations import video_streams
from sync.operations.video_streams import Film

logger = logging.getLogger(__name__)
AHEAD = 15  # segments that are made before they are wanted
SKIP_MAX = 2  # segments that are rather made than passed by, when somebody goes on a little
BYTES_MAX = 256 << 20  # on the disk, for one session


class _Run:
    """An encoder at work in a thread of its own."""

    def __init__(self, variant: int, first: int, until: int) -> None:
        self.variant, self.next = variant, first  # what is missing
        self.stopping = Event()
        self._until = until
        self._changed = Condition()

    def allow(self, until: int) -> None:
        """Make all before that one."""
        with self._changed:
            self._until = until
            self._changed.notify()

    def stop(self) -> None:
        with self._changed:
            self.stopping.set()
            self._changed.notify()

    def await_leave(self) -> None:
        """Until the next segment is allowed. Raises Stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self.next < self._until or self.stopping.is_set())
        if self.stopping.is_set():
            raise Stopped


class Stream:
    """One session, for as long as this worker has it."""

    def __init__(
        self,
        database: Database,
        root: Path,
        stream_id: UUID,
        asset_id: UUID,
        worker: int,
        settings: Callable[[], FFmpeg],
        threads: Executor,
    ) -> None:
        self._database, self._root, self._worker = database, root, worker
        self._id, self._asset_id = stream_id, asset_id
        self._settings, self._threads = settings, threads
        self._loop = asyncio.get_running_loop()
        self._wanted: tuple[int, int] | None = None
        self._made = {(v, n): size for v, n, size in streams.list_segments(root, stream_id)}
        self._run: _Run | None = None
        self._failure: UnreadableImage | StorageFull | None = None
        self._runs: set[asyncio.Future[None]] = set()
        self._changed, self._has_news = asyncio.Event(), asyncio.Event()
        self._changed.set()
        self._task = asyncio.create_task(self._work())

    @property
    def has_ended(self) -> bool:
        return self._task.done()

    def want(self, variant: int, segment: int) -> None:
        self._wanted = variant, segment
        self._changed.set()

    async def stop(self) -> None:
        """At once: what was half made is gone."""
        self._task.cancel()
        await asyncio.gather(self._task, *self._runs, return_exceptions=True)

    async def _work(self) -> None:
        telling = asyncio.create_task(self._tell())
        try:
            await self._follow()
        except (UnreadableImage, StorageFull) as problem:
            logger.warning("The film %s cannot be watched: %s", self._asset_id, problem)
            async with self._database.read() as connection:
                await video_streams.note_failure(connection, self._id, self._worker, str(problem))
        except Disconnected as lost:
            logger.warning("The film %s is not watched on: %s", self._asset_id, lost)
        finally:
            telling.cancel()
            if self._run:
                self._run.stop()

    async def _tell(self) -> None:
        while True:
            await self._has_news.wait()
            self._has_news.clear()
            try:
                async with self._database.read() as connection:
                    await video_streams.announce_made(connection, self._id)
            except Disconnected:
                continue  # Who waits looks again by themselves.

    async def _follow(self) -> None:
        film = await self._find()
        while film is not None:
            try:
                outline = film.outline or await self._look(film)
                while True:
                    await self._changed.wait()
                    self._changed.clear()
                    if self._failure:
                        raise self._failure
                    self._steer(paths.resolve(self._root, film.original_key), outline)
            except UnreadableImage:
                before, self._failure = film, None
                film = await self._find()
                if film and film.original_key == before.original_key:
                    raise  # It did not go elsewhere meanwhile.
                self._changed.set()

    async def _find(self) -> Film | None:
        async with self._database.read() as connection:
            return await video_streams.find_film(connection, self._asset_id)

    async def _look(self, film: Film) -> Outline:
        path = paths.resolve(self._root, film.original_key)
        try:
            found = await self._loop.run_in_executor(self._threads, hls_outline.outline, path)
        except Exception as problem:
            raise self._reason(problem) from problem
        async with self._database.read() as connection:
            await video_streams.keep_outline(connection, film, found)
        self._has_news.set()
        return found

    def _steer(self, path: Path, outline: Outline) -> None:
        """Have that made which is missing first."""
        if self._wanted is None:
            return
        settings = self._settings()
        offered = {one.number: one for one in list_variants(outline, settings.realtime)}
        number, segment = self._wanted
        if number not in offered:
            return
        variant = offered[number]
        count = count_segments(outline, variant)
        until = min(segment + _count_ahead(outline, variant), count)
        missing = self._find_missing(number, segment, until)
        allowed = until if until < count else count + 1  # At the end there is nothing to wait for.
        run = self._run
        if (
            run
            and run.variant == number
            and (missing is None or run.next <= missing <= run.next + SKIP_MAX)
        ):
            run.allow(allowed)
            return
        if missing is None:
            return
        if run:
            run.stop()
        self._start(Request(path, outline, variant, missing, settings), allowed)

    def _find_missing(self, variant: int, segment: int, until: int) -> int | None:
        for key in (
            streams.segment_key(self._id, variant, segment),
            streams.init_key(self._id, variant),
        ):
            if not paths.resolve(self._root, key).exists():
                self._made.pop((variant, segment), None)
        wanted = range(segment, until)
        return next((one for one in wanted if (variant, one) not in self._made), None)

    def _start(self, request: Request, until: int) -> None:
        run = self._run = _Run(request.variant.number, request.first, until)
        running = self._loop.run_in_executor(
            self._threads, hls_encoder.encode, request, partial(self._deliver, run), run.stopping
        )
        self._runs.add(running)
        running.add_done_callback(partial(self._note_end, run))

    def _deliver(self, run: _Run, number: int | None, data: bytes) -> None:
        """In the thread of the encoder."""
        if run.stopping.is_set():
            raise Stopped
        if number is None:
            streams.write(self._root, streams.init_key(self._id, run.variant), data)
            self._loop.call_soon_threadsafe(self._has_news.set)
            return
        streams.write(self._root, streams.segment_key(self._id, run.variant, number), data)
        run.next = number + 1
        self._loop.call_soon_threadsafe(self._note_made, run.variant, number, len(data))
        if (run.variant, number + 1) in self._made:
            raise Stopped  # From there on it was made before.
        run.await_leave()

    def _note_made(self, variant: int, number: int, size: int) -> None:
        self._made[variant, number] = size
        self._has_news.set()
        while sum(self._made.values()) > BYTES_MAX:
            victim = max(self._made, key=self._uselessness)
            del self._made[victim]
            streams.remove_segment(self._root, self._id, *victim)

    def _uselessness(self, made: tuple[int, int]) -> tuple[bool, bool, int]:
        """Of other variants first, then what was watched, the oldest first."""
        variant, segment = self._wanted or made
        return made[0] != variant, made[1] < segment, abs(made[1] - segment)

    def _note_end(self, run: _Run, running: asyncio.Future[None]) -> None:
        self._runs.discard(running)
        if self._run is run:
            self._run = None
        problem = None if running.cancelled() else running.exception()
        if problem and not isinstance(problem, Stopped):
            self._failure = self._reason(problem)
        self._changed.set()

    def _reason(self, problem: BaseException) -> UnreadableImage | StorageFull:
        """For who waits: nobody comes back to what failed in a way that nobody foresaw."""
        if isinstance(problem, UnreadableImage | StorageFull):
            return problem
        logger.error("Making over %s failed", self._asset_id, exc_info=problem)
        return UnreadableImage("The film cannot be made over")


def _count_ahead(outline: Outline, variant: Variant) -> int:
    """Half of what there is room for: what is made for later must not push out what comes next."""
    seconds = outline.seconds / count_segments(outline, variant)
    size = variant.bits_per_second * seconds / 8
    return max(1, min(AHEAD, int(BYTES_MAX / 2 / size)))
