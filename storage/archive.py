"""Zip archives, made while they are sent: stored as they are, of any size, in little memory."""

from __future__ import annotations

import io
import logging
import os
import re
import struct
import zipfile
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from unicodedata import normalize

logger = logging.getLogger(__name__)

BLOCK_BYTES = 1 << 20
NAME_BYTES_MAX = 240  # what folders take, and room to tell two apart
DAYS = datetime(1980, 1, 1, tzinfo=UTC), datetime(2107, 12, 31, tzinfo=UTC)  # all that zip knows
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f/\\?<>:*|"]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # on Windows
_PLAIN_FILE = 0o100644 << 16


class Member(NamedTuple):
    path: Path
    name: str  # in the archive
    modified_at: datetime
    # Where it is by now, if it is not there; from the thread that packs.
    find_again: Callable[[], Path | None] = lambda: None


def pack(members: Iterable[Member]) -> Generator[bytes, None, None]:
    """The archive's bytes, in blocks of about 1 MiB; getting each of them blocks.

    A file that is not there is left out, and noted. Close it to end early.
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w") as archive:
        for member in members:
            file = _open(member.path) or _open(member.find_again())
            if file is None:
                logger.warning("%s is not there: an archive goes without it", member.path)
                continue
            with file, archive.open(_describe(member, file), "w") as entry:
                while block := file.read(BLOCK_BYTES):
                    entry.write(block)
                    if sink.size >= BLOCK_BYTES:
                        yield sink.take()
    yield sink.take()


def _open(path: Path | None) -> io.FileIO | None:
    try:
        return path.open("rb", buffering=0) if path else None
    except (FileNotFoundError, NotADirectoryError):
        return None


def unique_names(names: Iterable[str]) -> Iterator[str]:
    """Names that one folder can hold on any system: `a.jpg`, `a+1.jpg`."""
    taken: set[str] = set()
    counts: Counter[str] = Counter()
    for name in map(_clean, names):
        unique, path = name, PurePosixPath(name)
        while (key := normalize("NFC", unique).casefold()) in taken:
            counts[name] += 1
            unique = f"{path.stem}+{counts[name]}{path.suffix}"
        taken.add(key)
        yield unique


def _clean(name: str) -> str:
    name = _FORBIDDEN.sub("", name).rstrip(". ") or "unnamed"
    if _RESERVED.fullmatch(name):
        name = f"_{name}"
    path = PurePosixPath(name)
    room = NAME_BYTES_MAX - len(path.suffix.encode())
    if room <= 0:
        return name.encode()[:NAME_BYTES_MAX].decode(errors="ignore")
    return path.stem.encode()[:room].decode(errors="ignore") + path.suffix


def _describe(member: Member, file: io.FileIO) -> zipfile.ZipInfo:
    modified_at = min(max(member.modified_at.astimezone(UTC), DAYS[0]), DAYS[1])
    info = zipfile.ZipInfo(member.name, modified_at.timetuple()[:6])
    info.file_size = os.fstat(file.fileno()).st_size  # by which it is known who needs zip64
    info.external_attr = _PLAIN_FILE
    seconds = int(modified_at.timestamp())
    if seconds < 1 << 31:  # as Unix keeps it: the other has no zone
        info.extra = struct.pack("<HHBi", 0x5455, 5, 1, seconds)
    return info


class _Sink(io.RawIOBase):
    """What was written and not taken yet. It cannot seek, so sizes follow their files."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.size = 0

    def write(self, data: Any, /) -> int:
        self._pieces.append(bytes(data))
        self.size += len(data)
        return len(data)

    def take(self) -> bytes:
        data = b"".join(self._pieces)
        self._pieces, self.size = [], 0
        return data
