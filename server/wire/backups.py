"""Database backups as Immich's JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from storage.backups import Backup


def show_backups(found: Iterable[Backup]) -> dict[str, Any]:
    """DatabaseBackupListResponseDto. The times in the names are UTC."""
    return {
        "backups": [
            {"filename": backup.name, "filesize": backup.size, "timezone": "UTC"}
            for backup in found
        ]
    }
