"""Work on pictures: python -m media, as the supervisor starts it."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec

from media import images, video
from media.beside import sidecar_consumer, tag_consumer
from media.consumers import (
    edit_consumer,
    file_removal_consumer,
    metadata_consumer,
    person_thumbnail_consumer,
    thumbnail_consumer,
    transcode_consumer,
)
from media.hls import Streaming
from media.moves import follow, move_consumer
from sql import Database, places
from sync import config, queues, sequencer, topics, worker
from sync.operations import system

STOP_SECONDS = 2.0
NICENESS = 10  # What people wait for goes before films, which take long, and before sidecars.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # of glibc's malloc.h
KEPT_BYTES = 16 << 20


class Settings(msgspec.Struct, frozen=True):
    """The environment, read once."""

    database_url: str
    root: Path
    threads: int

    @classmethod
    def read(cls) -> Settings:
        return cls(
            database_url=os.environ["DATABASE_URL"],
            root=Path(os.environ.get("HELIOGRAPH_DATA", "data")).resolve(),
            threads=len(os.sched_getaffinity(0)),
        )


async def main(settings: Settings) -> None:
    stopping = asyncio.Event()

    def stop() -> None:
        stopping.set()
        # A thread amid a large picture cannot be interrupted. What it leaves, a temp file and a
        # claimed job, is found by the janitor and by the next worker.
        watchdog = threading.Timer(STOP_SECONDS, os._exit, (0,))
        watchdog.daemon = True
        watchdog.start()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    # One picture per core at a time, whatever the queues hold.
    loop.set_default_executor(ThreadPoolExecutor(settings.threads, "picture"))
    connections_max = 2 * settings.threads + 4
    async with Database(
        settings.database_url, connections_max=connections_max, is_derived=True
    ) as database:
        if await places.load(database):
            async with database.write() as tx:
                await system.note_places(tx, places.FILE)
        working = asyncio.create_task(_work(database, settings))
        print("ready", flush=True)
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait((working, stopped), return_when=asyncio.FIRST_COMPLETED)
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working


async def _work(database: Database, settings: Settings) -> None:
    # Of their own, or long films would hold up pictures. On Linux threads are nice one by one.
    films = ThreadPoolExecutor(settings.threads, "film", initializer=os.nice, initargs=(NICENESS,))
    # Who waits here has a transaction open: as many as the setting lets be written at once.
    writers = ThreadPoolExecutor(16, "sidecar", initializer=os.nice, initargs=(NICENESS,))
    # No picture is waited for while rows are held.
    removers = ThreadPoolExecutor(1, "remover")
    movers = ThreadPoolExecutor(queues.FIXED["storageTemplateMigration"], "mover")
    of_originals = {
        topics.METADATA.name: metadata_consumer(database, settings.root),
        topics.EDIT.name: edit_consumer(database, settings.root),
        topics.THUMBNAIL.name: thumbnail_consumer(database, settings.root),
        topics.TRANSCODE.name: transcode_consumer(database, settings.root, films),
    }
    consumers = {
        **{queue: follow(database, consumer) for queue, consumer in of_originals.items()},
        topics.STORAGE_TEMPLATE.name: move_consumer(database, settings.root, movers),
        topics.PERSON_THUMBNAIL.name: person_thumbnail_consumer(database, settings.root),
        topics.SIDECAR.name: sidecar_consumer(database, settings.root, writers),
        topics.TAG_SIDECARS.name: tag_consumer(),
        topics.FILE_REMOVAL.name: file_removal_consumer(settings.root, removers),
    }
    streaming = Streaming(database, settings.root, settings.threads)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(worker.run(database, consumers, heed=partial(_heed, streaming)))
        tasks.create_task(streaming.run())
        tasks.create_task(sequencer.pass_on(database))


def _heed(streaming: Streaming, settings: config.Config) -> None:
    streaming.follow(settings.ffmpeg)
    images.form.follow(settings.image)
    video.look.follow(settings.ffmpeg)
    config.follow_logging(settings.logging)


def _give_memory_back() -> None:
    """Have glibc return the memory of a large picture at once: 120 MB stay instead of 275.

    But what a photo scaled down takes is kept for the next one: to have its pages cleared anew each
    time would cost a sixth of the work.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 2)
        mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


if __name__ == "__main__":
    _give_memory_back()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    asyncio.run(main(Settings.read()))
