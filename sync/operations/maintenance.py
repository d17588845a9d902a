"""The mode in which only administrators get in: on, off, and what is to be done in it."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from sql import Connection, Transaction, reads, writes
from sync import log
from sync.topics import EVERYONE

KEY = "maintenance-mode"


class Mode(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is kept of it while it is on. The secret signs the credentials that hold in it."""

    is_maintenance_mode: bool = True
    secret: str
    action: str = "start"
    backup: str | None = None  # what to restore, for `restore_database`


async def find(connection: Connection) -> Mode | None:
    """The mode, if it is on."""
    row = await reads.settings.get_metadata(connection, key=KEY)
    return _read(row["value"] if row else None)


async def start(tx: Transaction, mode: Mode, *, by: str) -> None:
    """Every server process restarts into it."""
    await _keep(tx, mode)
    await log.stage(
        tx, "maintenance.started", EVERYONE, [EVERYONE], audience=[EVERYONE], by=by,
        action=mode.action, backup=mode.backup,
    )  # fmt: skip


async def take_action(tx: Transaction) -> Mode | None:
    """What is to be done, for the one process that asks first: a crash amid it is not repeated."""
    row = await writes.settings.lock_metadata(tx, key=KEY)
    mode = _read(row["value"] if row else None)
    if mode is None or mode.action == "start":
        return None
    await _keep(tx, msgspec.structs.replace(mode, action="start", backup=None))
    return mode


async def end(tx: Transaction, *, by: str) -> None:
    """Every server process restarts out of it."""
    await writes.settings.set_metadata(tx, key=KEY, value='{"isMaintenanceMode": false}')
    await log.stage(tx, "maintenance.ended", EVERYONE, [EVERYONE], by=by)


def as_sql(mode: Mode) -> str:
    """Turns it on in a database that was just loaded, which may be older than the mode."""
    text = json.dumps(msgspec.to_builtins(mode)).replace("'", "''")
    return f"""
DO $keep$
BEGIN
    IF to_regclass('public.system_metadata') IS NOT NULL THEN
        INSERT INTO public.system_metadata (key, value) VALUES ('{KEY}', '{text}'::jsonb)
            ON CONFLICT (key) DO UPDATE SET value = excluded.value;
    END IF;
END
$keep$;
"""


async def _keep(tx: Transaction, mode: Mode) -> None:
    value = msgspec.json.encode(mode).decode()
    await writes.settings.set_metadata(tx, key=KEY, value=value)


def _read(value: Any) -> Mode | None:
    if not value or not value.get("isMaintenanceMode"):
        return None
    return msgspec.convert(value, Mode)
