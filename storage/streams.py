"""Segments of films that are being watched: transient, one folder for each session.

Everything here but the names blocks.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from storage import files, paths

FOLDER = "streams"
INIT = "init.mp4"


def segment_key(session_id: UUID, variant: int, number: int) -> str:
    return f"{FOLDER}/{session_id}/{variant}/seg_{number}.m4s"


def init_key(session_id: UUID, variant: int) -> str:
    """What players need before the first segment."""
    return f"{FOLDER}/{session_id}/{variant}/{INIT}"


def list_segments(root: Path, session_id: UUID) -> Iterator[tuple[int, int, int]]:
    """The variant, number and bytes of each that is there."""
    folder = _folder(root, session_id)
    for path in folder.glob("*/seg_*.m4s"):
        variant, number = path.parent.name, path.stem.removeprefix("seg_")
        if variant.isdecimal() and number.isdecimal():
            yield int(variant), int(number), path.stat().st_size


def remove_segment(root: Path, session_id: UUID, variant: int, number: int) -> None:
    paths.resolve(root, segment_key(session_id, variant, number)).unlink(missing_ok=True)


def remove(root: Path, session_id: UUID) -> None:
    """All of a session."""
    shutil.rmtree(_folder(root, session_id), ignore_errors=True)


def list_sessions(root: Path) -> list[UUID]:
    """Those that have a folder."""
    try:
        names = os.listdir(root / FOLDER)
    except FileNotFoundError:
        return []
    return [UUID(name) for name in names if name != paths.INCOMING and _is_id(name)]


def write(root: Path, key: str, data: bytes) -> None:
    """Whoever waits for it sees the whole of it or nothing."""
    files.write_atomically(root, key, data, durable=False)


def _folder(root: Path, session_id: UUID) -> Path:
    return root / FOLDER / str(session_id)


def _is_id(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False
