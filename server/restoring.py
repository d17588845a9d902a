"""How far a restore is, for all processes of a server: in a file, as the database is on its way.

Who restores holds a lock meanwhile, so that there is one restore at a time, and so that the others
see when it died.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from hashlib import sha256
from pathlib import Path

import msgspec

from server.wire.maintenance import Status
from storage import files, paths
from storage.files import StorageFull

logger = logging.getLogger(__name__)

STATUS = f"{paths.ORIGINALS}/.restore.json"
LOCK = f"{paths.ORIGINALS}/.restore.lock"
ATTEMPTS = 10  # Whoever only looks shares the lock for a moment, and whoever restores does not.
PAUSE_SECONDS = 0.05
DIED = Status("restore_database", task="error", error="The process that restored it has ended")


class Said(msgspec.Struct, frozen=True):
    """What is in the file."""

    mode: str  # of which maintenance mode: an old file says nothing of the next
    status: Status


class Restoring:
    """In one maintenance mode, known by its secret, as one process sees and says it."""

    def __init__(self, root: Path, secret: str) -> None:
        self._root = root
        self._mode = sha256(secret.encode()).hexdigest()
        self._lock: int | None = None
        self._turn = asyncio.Lock()  # What is said last is what stays.

    @property
    def is_ours(self) -> bool:
        return self._lock is not None

    async def hold(self) -> bool:
        """Be the one who restores; False: another one is."""
        for _ in range(ATTEMPTS):
            self._lock = await asyncio.to_thread(self._try, fcntl.LOCK_EX)
            if self._lock is not None:
                return True
            await asyncio.sleep(PAUSE_SECONDS)
        return False

    def release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def is_going_on(self) -> bool:
        """Here or in another process."""
        return self.is_ours or await asyncio.to_thread(self._is_held)

    async def say(self, status: Status) -> None:
        """As far as it goes: who restores goes on all the same."""
        data = msgspec.json.encode(Said(self._mode, status))
        try:
            async with self._turn:
                await asyncio.to_thread(
                    files.write_atomically, self._root, STATUS, data, durable=False
                )
        except (OSError, StorageFull) as problem:
            logger.warning("%s was not written: %s", STATUS, problem)

    async def hear(self) -> Status | None:
        """What was said last in this mode, by whomever."""
        return await asyncio.to_thread(self._hear)

    def forget(self) -> None:
        paths.resolve(self._root, STATUS).unlink(missing_ok=True)

    def _hear(self) -> Status | None:
        status = self._read()
        if status is None or not status.is_restoring or self.is_ours or self._is_held():
            return status
        # Nobody is at it. What is the last word was said before the lock was let go.
        return DIED if self._read() == status else self._read()

    def _read(self) -> Status | None:
        try:
            said = msgspec.json.decode(paths.resolve(self._root, STATUS).read_bytes(), type=Said)
        except (OSError, msgspec.DecodeError):
            return None
        return said.status if said.mode == self._mode else None

    def _is_held(self) -> bool:
        lock = self._try(fcntl.LOCK_SH)
        if lock is not None:
            os.close(lock)
        return lock is None

    def _try(self, kind: int) -> int | None:
        path = paths.resolve(self._root, LOCK)
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        return lock
