"""What was seen of the database's history, kept beside the media.

A snapshot of the disk that is put back cannot be seen from inside the database: all is as it was
then. So its newest position is written down where the database is not; see `sequencer.renew_epoch`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import msgspec

from storage import files, paths
from storage.files import StorageFull

logger = logging.getLogger(__name__)

KEY = f"{paths.ORIGINALS}/witness.json"
PAUSE_SECONDS = 5.0  # between two writes; what is put back is older than that


class Seen(msgspec.Struct, frozen=True):
    epoch: UUID
    pos: int


class Witness:
    """The file of one data folder. Written while `keeping`, and only when the head has moved."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seen: Seen | None = None
        self._news = asyncio.Event()

    async def seen(self) -> tuple[UUID, int] | None:
        """What is not written yet, or else the file: another process may have led meanwhile."""
        seen = self._seen if self._news.is_set() else await asyncio.to_thread(self._read)
        return (seen.epoch, seen.pos) if seen else None

    def note(self, epoch: UUID, pos: int) -> None:
        if self._seen != (seen := Seen(epoch, pos)):
            self._seen = seen
            self._news.set()

    @asynccontextmanager
    async def keeping(self) -> AsyncIterator[None]:
        writing = asyncio.create_task(self._write_forever())
        try:
            yield
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            if self._news.is_set():
                await self._write()

    async def _write_forever(self) -> None:
        while True:
            await self._news.wait()
            await self._write()
            await asyncio.sleep(PAUSE_SECONDS)

    async def _write(self) -> None:
        self._news.clear()
        data = msgspec.json.encode(self._seen)
        try:
            await asyncio.to_thread(files.write_atomically, self._root, KEY, data, durable=False)
        except (OSError, StorageFull) as problem:
            logger.warning("%s was not written: %s", KEY, problem)

    def _read(self) -> Seen | None:
        try:
            return msgspec.json.decode(paths.resolve(self._root, KEY).read_bytes(), type=Seen)
        except (OSError, msgspec.DecodeError):
            return None
