"""The maintenance mode as Immich's JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

SECRET_ERROR = "Something went wrong, see logs!"


class Status(NamedTuple):
    """How far the mode is with what is done in it."""

    action: str
    active: bool = True
    task: str | None = None
    progress: int | None = None  # of 100
    error: str | None = None

    @property
    def is_restoring(self) -> bool:
        return self.task not in (None, "error")


class Folder(NamedTuple):
    name: str
    is_readable: bool
    is_writable: bool
    files: int


def show_status(status: Status, *, with_error: bool) -> dict[str, Any]:
    """MaintenanceStatusResponseDto; strangers learn only that something went wrong."""
    error = status.error if with_error or status.error is None else SECRET_ERROR
    shown = {
        "active": status.active,
        "action": status.action,
        "task": status.task,
        "progress": status.progress,
        "error": error,
    }
    return {name: value for name, value in shown.items() if value is not None}


def show_install(folders: Iterable[Folder]) -> dict[str, Any]:
    """MaintenanceDetectInstallResponseDto."""
    return {
        "storage": [
            {
                "folder": folder.name,
                "readable": folder.is_readable,
                "writable": folder.is_writable,
                "files": folder.files,
            }
            for folder in folders
        ]
    }
