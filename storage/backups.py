"""The folder of database backups: names, what is there, what is kept. Everything here blocks."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from storage import files, paths

FOLDER = "backups"
UPLOADED = "uploaded-"
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,200}\.sql(?:\.gz)?")
_ROUTINE = re.compile(r"immich-db-backup-\d{8}T\d{6}-v.*-pg.*\.sql\.gz")
_TIME = re.compile(r"\d{8}T\d{6}")
_PART = ".tmp"


class Backup(NamedTuple):
    name: str
    size: int


def name_of(at: datetime, version: str, postgres: str, *, prefix: str = "") -> str:
    """As Immich names them: `immich-db-backup-20250729T114018-v3.2.2-pg18.6.sql.gz`, in UTC."""
    number = re.split(r"[^0-9A-Za-z.]", postgres)[0]
    return f"{prefix}immich-db-backup-{at:%Y%m%dT%H%M%S}-v{version}-pg{number}.sql.gz"


def is_name(name: str) -> bool:
    """Of a backup, and of nothing that could lie elsewhere."""
    return _NAME.fullmatch(name) is not None


def path_of(root: Path, name: str) -> Path:
    if not is_name(name):
        raise ValueError(f"not a backup: {name!r}")
    return paths.resolve(root, f"{FOLDER}/{name}")


def list_backups(root: Path) -> list[Backup]:
    """The newest first, by the time in their names."""
    try:
        with os.scandir(root / FOLDER) as entries:
            found = [
                Backup(entry.name, entry.stat().st_size)
                for entry in entries
                if is_name(entry.name) and entry.is_file()
            ]
    except FileNotFoundError:
        return []
    return sorted(found, key=lambda backup: (_time_in(backup.name), backup.name), reverse=True)


def part_of(root: Path, name: str) -> Path:
    """Where a backup is written until it is whole."""
    path = path_of(root, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    return path.with_name(path.name + _PART)


def finish(root: Path, name: str) -> int:
    """Give what is whole its name, durably; return its bytes."""
    part, path = part_of(root, name), path_of(root, name)
    files.sync(part)
    size = part.stat().st_size
    part.rename(path)
    files.sync(path.parent)
    return size


def remove_parts(root: Path) -> None:
    """What was never finished. Only while nobody writes one."""
    for part in (root / FOLDER).glob(f"*{_PART}"):
        part.unlink(missing_ok=True)


def prune(root: Path, keep: int) -> list[str]:
    """Delete the oldest of those that were made by the clock; return their names."""
    routine = [one.name for one in list_backups(root) if _ROUTINE.fullmatch(one.name)]
    for name in routine[keep:]:
        delete(root, name)
    return routine[keep:]


def delete(root: Path, name: str) -> None:
    path_of(root, name).unlink(missing_ok=True)


def _time_in(name: str) -> str:
    found = _TIME.search(name)
    return found[0] if found else ""
