"""The server itself: what its administrator set, and which versions ran here."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from sql import Transaction, writes
from sync import config, log
from sync.errors import Invalid
from sync.topics import EVERYONE


async def change_config(tx: Transaction, changes: Mapping[str, object]) -> None:
    """Set settings by name, `trash_days`; null puts the default back. Every process reloads."""
    for name in sorted(changes):
        if name not in config.NAMES:
            raise Invalid(f"There is no setting {name}")
        if changes[name] is None:
            await writes.settings.delete_setting(tx, name=name)
        else:
            value = msgspec.json.encode(changes[name]).decode()
            await writes.settings.set_setting(tx, name=name, value=value)
    await config.load(tx)  # Refuses what no process could load.
    await log.stage(
        tx, "config.changed", EVERYONE, [EVERYONE], audience=[EVERYONE],
        names=sorted(changes),
    )  # fmt: skip


async def note_version(tx: Transaction, version: str) -> None:
    """Remember that this version ran here."""
    await writes.settings.note_version(tx, version=version)
