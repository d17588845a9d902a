"""Backups of the database: their files are elsewhere; here is who made, brought or deleted one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sql import Transaction
from sync import log
from sync.operations import notifications
from sync.topics import EVERYONE

REASON_CHARACTERS_MAX = 500


async def note_backup(tx: Transaction, name: str, size: int) -> None:
    await _stage(tx, "backup.created", name=name, size=size)


async def note_failure(tx: Transaction, reason: str) -> None:
    """No backup was made: whoever administrates is to know."""
    told = reason[:REASON_CHARACTERS_MAX]
    await _stage(tx, "backup.failed", reason=told)
    await notifications.tell_admins(
        tx, "Database backup failed", type="BackupFailed", description=told
    )


async def note_upload(tx: Transaction, by: UUID | str, name: str, size: int) -> None:
    await _stage(tx, "backup.uploaded", by=by, name=name, size=size)


async def note_deletion(tx: Transaction, by: UUID | str, names: list[str]) -> None:
    await _stage(tx, "backup.deleted", by=by, names=names)


async def note_restore(tx: Transaction, name: str) -> None:
    """The first entry of a database that came back."""
    await _stage(tx, "backup.restored", name=name)


async def _stage(tx: Transaction, topic: str, **facts: Any) -> None:
    await log.stage(tx, topic, EVERYONE, [EVERYONE], **facts)
