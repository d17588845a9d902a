"""Files as they are on the disk, to be compared with what rows say. Everything here blocks."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from storage import paths

BLOCK_BYTES = 1 << 20
GRACE_SECONDS = 3600.0  # Bytes come before rows: a young file may be about to get its row.
TOPS = ("upload", "library", "encoded-video", "thumbs", "profile")
BATCH = 2000
WITNESS = f"{paths.ORIGINALS}/witness.json"


def is_there(root: Path, key: str) -> bool:
    try:
        return paths.resolve(root, key).is_file()
    except ValueError:
        return False


def is_whole(fd: int, size: int, expected: int | None = None) -> bool:
    """Whether an open file is all that was written; after a power cut it may be a part, or empty.

    `expected` bytes are on record. A picture with others may be a newer one, which is not on record
    yet: that tells by itself where it ends.
    """
    if size == expected or not size:
        return size > 0
    if expected is None:
        return True
    head, tail = os.pread(fd, 12, 0), os.pread(fd, 2, size - 2)
    if head.startswith(b"RIFF"):
        return int.from_bytes(head[4:8], "little") + 8 == size
    return head.startswith(b"\xff\xd8") and tail == b"\xff\xd9"


def checksum(root: Path, key: str) -> bytes | None:
    """SHA-1 of the bytes; None if there is no file."""
    try:
        file = paths.resolve(root, key).open("rb", buffering=0)
    except (FileNotFoundError, ValueError):
        return None
    sha1 = hashlib.sha1(usedforsecurity=False)
    with file:
        while block := file.read(BLOCK_BYTES):
            sha1.update(block)
    return sha1.digest()


def walk(root: Path, *, grace_seconds: float = GRACE_SECONDS) -> Iterator[list[str]]:
    """The keys of all files that are old enough, in batches; hidden ones are nobody's."""
    before = time.time() - grace_seconds
    found = (key for top in TOPS for key in _walk(root / top, top, before) if key != WITNESS)
    while batch := list(islice(found, BATCH)):
        yield batch


def _walk(folder: Path, key: str, before: float) -> Iterator[str]:
    for entry in _entries(folder):
        if entry.name.startswith("."):
            continue
        below = f"{key}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), below, before)
        elif entry.is_file(follow_symlinks=False) and _is_older(entry, before):
            yield below


def _is_older(entry: os.DirEntry[str], before: float) -> bool:
    try:
        return entry.stat(follow_symlinks=False).st_ctime < before
    except FileNotFoundError:
        return False


def _entries(folder: Path) -> Iterable[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            # What Postgres takes for no text is not ours, and cannot be asked about.
            return [entry for entry in found if entry.name.isprintable()]
    except (FileNotFoundError, NotADirectoryError):
        return []
