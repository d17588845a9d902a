"""The server's licence key, kept among what the server knows of itself."""

from __future__ import annotations

from collections.abc import Mapping

from sql import Transaction, writes
from sync import log
from sync.operations.system import set_metadata
from sync.topics import EVERYONE

KEY = "license"


async def set_server_license(tx: Transaction, license_: Mapping[str, object]) -> None:
    await set_metadata(tx, KEY, license_)


async def delete_server_license(tx: Transaction) -> None:
    if await writes.licenses.delete_system_metadata(tx, key=KEY):
        await log.stage(tx, "system_metadata.changed", EVERYONE, [EVERYONE], key=KEY)
