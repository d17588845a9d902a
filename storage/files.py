"""Files that arrive, are replaced and go: always whole, never over another, durable when kept.

Everything here blocks: call it through `asyncio.to_thread`. Bytes come before facts: a row is
written after `Incoming.keep`, and whoever then fails to write it calls `remove`.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from storage import inspection, paths

Block = bytes | memoryview

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PLACE_ATTEMPTS = 100
_BLOCK_BYTES = 1 << 20
# Another disk, or one that has no second names, or has too many of this file.
_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)


class StorageFull(Exception):
    """The volume or the quota has no room. No temp file is left."""

    def __init__(self) -> None:
        super().__init__("There is not enough space on the server")


class Different(Exception):
    """A file is not what it should be; the text says how."""


class Incoming:
    """One file on its way in: SHA-1 and size grow with it, and nothing of it stays unless kept.

    The temp file is below the top folder it is for, so that keeping it is a rename. Its owner
    holds an flock on it: the janitor takes exactly those whose owner is dead. Safe to discard
    from another thread while a write runs.
    """

    def __init__(self, root: Path, top: str = paths.ORIGINALS) -> None:
        self._root = root
        self._top = top
        self._lock = threading.Lock()
        self._sha1 = hashlib.sha1(usedforsecurity=False)
        self._temp: _Temp | None = None
        self._closed = False
        self.size = 0

    @property
    def settled(self) -> bool:
        """Kept or discarded."""
        return self._closed

    @property
    def checksum(self) -> bytes:
        """SHA-1 of all that was written: 20 bytes."""
        return self._sha1.digest()

    def write(self, *chunks: Block) -> None:
        """Append. On any failure the file is discarded."""
        with self._lock, self._discarding_on_failure():
            temp = self._opened()
            for chunk in chunks:
                self._sha1.update(chunk)
            self.size += temp.append(chunks)

    def keep(self, key: str, mtime: datetime) -> None:
        """Make it the durable file of that key. FileExistsError: the key is taken."""
        with self._lock, self._discarding_on_failure():
            temp = self._opened()
            since_epoch = mtime - _EPOCH
            mtime_ns = since_epoch // timedelta(microseconds=1) * 1000
            os.utime(temp.fd, ns=(mtime_ns, mtime_ns))
            temp.place(self._root, key)
            self._closed = True
            temp.close()

    def discard(self) -> None:
        """Leave nothing. Does nothing after `keep`, or a second time."""
        with self._lock:
            self._discard()

    def _discard(self) -> None:
        self._closed = True
        if self._temp is not None:
            self._temp.remove()

    def _opened(self) -> _Temp:
        if self._closed:
            raise ValueError("this file was kept or discarded before")
        if self._temp is None:
            self._temp = _Temp(self._root, self._top)
        return self._temp

    @contextlib.contextmanager
    def _discarding_on_failure(self) -> Iterator[None]:
        try:
            with _clear_when_full():
                yield
        except BaseException:
            self._discard()
            raise


def write_atomically(root: Path, key: str, data: bytes, *, durable: bool) -> None:
    """Create or replace the file of a key: readers see the old bytes or the new, never a part.

    `durable=False` for what can be made again: after a power cut it may be empty or missing.
    """
    with _clear_when_full():
        temp = _Temp(root, key.split("/")[0])
        try:
            temp.append([data])
            if durable:
                os.fsync(temp.fd)
            folders = _in_folder(root, key, lambda target: os.rename(temp.path, target))
            if durable:
                sync(*folders)
        except BaseException:
            temp.remove()
            raise
        temp.close()


def remove(root: Path, key: str) -> None:
    """Delete the file of a key, if it is there, and the folders that this leaves empty."""
    target = paths.resolve(root, key)
    target.unlink(missing_ok=True)
    top = root / key.split("/")[0]
    for folder in target.parents:
        if folder == top or not folder.is_relative_to(top):
            return
        try:
            folder.rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            return  # in use, perhaps again since a moment ago


def link(
    root: Path,
    source_key: str,
    key: str,
    *,
    size: int,
    checksum: bytes | None = None,
) -> None:
    """Give a file a second name, durably; where a disk cannot, or on another one, a copy that was
    read back. The name is its own: it may have it already, from one who died of it.

    `size` in bytes, and `checksum`, SHA-1, are what it must have; the latter is looked at only of
    copies. Raises Different, FileExistsError where the name is another's, FileNotFoundError.
    """
    source, target = paths.resolve(root, source_key), paths.resolve(root, key)
    if (found := source.stat().st_size) != size:
        raise Different(f"{source_key} has {found} bytes, not {size}")
    if size:
        _drop_empty(target)
    with _clear_when_full():
        try:
            sync(*_link_or_copy(root, source, key, checksum))
        except FileExistsError:
            if not _is_there(root, source_key, key, checksum):
                raise
            sync(*(folder for folder in target.parents if folder.is_relative_to(root)))


def sync(*found: Path) -> None:
    """Have the bytes of files, and the names in folders, outlast a power cut."""
    for path in found:
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def lock_if_abandoned(path: Path) -> int | None:
    """A locked descriptor of a temp file whose owner is gone; None: it lives, or is no more."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


class _Temp:
    """A new, locked file in `<top>/.incoming/`."""

    def __init__(self, root: Path, top: str) -> None:
        folder = root / top / paths.INCOMING
        while True:
            self.path = folder / uuid4().hex
            try:
                self.fd = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
            except FileNotFoundError:
                folder.mkdir(parents=True, exist_ok=True)
                continue
            if self._own():
                return
            os.close(self.fd)

    def _own(self) -> bool:
        # Between open and flock the janitor may take the file for an abandoned one.
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return os.fstat(self.fd).st_nlink > 0

    def append(self, chunks: Sequence[Block]) -> int:
        """Bytes written: all of them."""
        size = 0
        for chunk in chunks:
            rest = memoryview(chunk).cast("B")
            size += len(rest)
            while rest:
                rest = rest[os.write(self.fd, rest) :]
        return size

    def place(self, root: Path, key: str) -> None:
        """Move to a key nobody has, durably.

        The name is reserved first and renamed over: that never replaces a file, and needs no
        hard links, which some network volumes lack.
        """
        target = paths.resolve(root, key)
        os.fsync(self.fd)
        folders = _in_folder(root, key, _reserve)
        try:
            os.rename(self.path, target)
            sync(*folders)
        except BaseException:
            remove(root, key)
            raise

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self.close()


def _link_or_copy(root: Path, source: Path, key: str, checksum: bytes | None) -> list[Path]:
    """Returns the folders that changed, and are not on the disk yet."""
    try:
        return _in_folder(root, key, lambda target: os.link(source, target))
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
    _copy(root, source, key, checksum)
    return []


def _copy(root: Path, source: Path, key: str, checksum: bytes | None) -> None:
    temp = _Temp(root, key.split("/")[0])
    try:
        sha1 = hashlib.sha1(usedforsecurity=False)
        with source.open("rb", buffering=0) as file:
            while block := file.read(_BLOCK_BYTES):
                sha1.update(block)
                temp.append([block])
            status = os.fstat(file.fileno())
        os.utime(temp.fd, ns=(status.st_atime_ns, status.st_mtime_ns))
        os.fsync(temp.fd)
        copied = inspection.checksum(root, temp.path.relative_to(root).as_posix())
        if not sha1.digest() == copied == (checksum or copied):
            raise Different(f"A copy of {source} has other bytes")
        temp.place(root, key)
    except BaseException:
        temp.remove()
        raise
    temp.close()


def _is_there(root: Path, source_key: str, key: str, checksum: bytes | None) -> bool:
    """Whether a name was given before, by one who died of it."""
    target = paths.resolve(root, key)
    if not stat.S_ISREG(target.lstat().st_mode):
        return False
    if target.samefile(paths.resolve(root, source_key)):
        return True
    wanted = checksum or inspection.checksum(root, source_key)
    return inspection.checksum(root, key) == wanted


def _drop_empty(target: Path) -> None:
    """What a copy reserved that was never finished."""
    with contextlib.suppress(FileNotFoundError):
        status = target.lstat()
        if stat.S_ISREG(status.st_mode) and status.st_size == 0:
            target.unlink()


def _reserve(target: Path) -> None:
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))


def _in_folder(root: Path, key: str, act: Callable[[Path], None]) -> list[Path]:
    """Do it with the target once its folder is there. Returns the folders that changed."""
    target = paths.resolve(root, key)
    for _ in range(_PLACE_ATTEMPTS):
        try:
            changed = [target.parent, *_make_folders(target.parent)]
            act(target)
        except FileNotFoundError:
            continue  # `remove` took the folder as empty: make it again
        return changed
    raise FileNotFoundError(errno.ENOENT, "the folder keeps vanishing", str(target.parent))


def _make_folders(folder: Path) -> list[Path]:
    """Create what is missing. Returns the parents that got a new entry, deepest first."""
    try:
        folder.mkdir()
    except FileExistsError:
        return []
    except FileNotFoundError:
        above = _make_folders(folder.parent)
        with contextlib.suppress(FileExistsError):  # Another made it; it may be gone since.
            folder.mkdir()
        return [folder.parent, *above]
    return [folder.parent]


@contextlib.contextmanager
def _clear_when_full() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull from error
        raise
