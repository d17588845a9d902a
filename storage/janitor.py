"""Removes what nobody claims: temp files of dead processes, files without a row."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

from storage import files, paths, streams

GRACE_SECONDS = 3600.0
_BATCH = 500
_FEW = 100

Claimed = Callable[[list[str]], set[str]]


class Implausible(Exception):
    """More files without a row than with one: rather the wrong database than so much litter."""


def remove_abandoned(root: Path) -> int:
    """Remove the temp files whose owner is dead. Returns how many.

    No grace is needed: a living owner, of any process, holds the lock of its file.
    """
    removed = 0
    for top in (paths.ORIGINALS, paths.LIBRARY, paths.RENDITIONS, paths.PROFILES, streams.FOLDER):
        for entry in _entries(root / top / paths.INCOMING):
            if entry.is_file(follow_symlinks=False):
                removed += _remove_if_abandoned(Path(entry.path))
    return removed


def remove_unclaimed(
    root: Path, claimed: Claimed, *, grace_seconds: float = GRACE_SECONDS
) -> list[str]:
    """Remove the files of our own shape that no row claims. Returns their keys.

    `claimed` gets keys in batches and returns those that the database knows; what it raises is
    passed on. Nothing is deleted before all batches are answered. Raises Implausible, and
    deletes nothing, when over 100 files and over half of all those asked about have no row.
    """
    # ctime, not mtime: that one is the photo's date. A file is younger than its row by little.
    before = time.time() - grace_seconds
    unclaimed: dict[str, int] = {}
    asked = 0
    for batch in _batches(_old_files(root, before)):
        asked += len(batch)
        known = claimed(list(batch))
        unclaimed |= {key: ctime for key, ctime in batch.items() if key not in known}
    if len(unclaimed) > max(_FEW, asked // 2):
        raise Implausible(f"{len(unclaimed)} of {asked} files have no row: none was removed")
    return [key for key, ctime in unclaimed.items() if _remove_unchanged(root, key, ctime)]


def _remove_if_abandoned(path: Path) -> bool:
    fd = files.lock_if_abandoned(path)
    if fd is None:
        return False
    try:
        # While the lock is ours no new owner can start on this name, see files._Temp.
        path.unlink(missing_ok=True)
    finally:
        os.close(fd)
    return True


def _remove_unchanged(root: Path, key: str, ctime_ns: int) -> bool:
    # A rendition may have been made anew under its key since it was looked at.
    try:
        same = os.stat(paths.resolve(root, key), follow_symlinks=False).st_ctime_ns == ctime_ns
    except FileNotFoundError:
        return False
    if same:
        files.remove(root, key)
    return same


def _old_files(root: Path, before: float) -> Iterator[tuple[str, int]]:
    """Keys of our own shape with their ctime in ns, if that is before a time in seconds."""
    for top in (paths.ORIGINALS, paths.RENDITIONS, paths.PROFILES):
        for key, entry in _walk(root / top, top):
            if not paths.is_ours(key):
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if status.st_ctime < before:
                yield key, status.st_ctime_ns


def _walk(folder: Path, key: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    for entry in _entries(folder):
        below = f"{key}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), below)
        elif entry.is_file(follow_symlinks=False):
            yield below, entry


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except FileNotFoundError:
        return []


def _batches(found: Iterable[tuple[str, int]]) -> Iterator[dict[str, int]]:
    remaining = iter(found)
    while batch := dict(islice(remaining, _BATCH)):
        yield batch
