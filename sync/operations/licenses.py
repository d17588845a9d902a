"""The server's licence key, kept among what the server knows of itself."""

from __future__ import annotations

from collections.abc import Mapping

from sql import Transaction, writes
from sync import log
from sync.actor import Actor
from sync.operations.system import set_metadata
from sync.topics import EVERYONE

KEY = "license"


async def set_server_license(tx: Transaction, actor: Actor, license_: Mapping[str, object]) -> None:
    await set_metadata(tx, KEY, license_, by=actor.user_id)


async def delete_server_license(tx: Transaction, actor: Actor) -> None:
    if await writes.licenses.delete_system_metadata(tx, key=KEY):
        await log.stage(
            tx, "system_metadata.changed", EVERYONE, [EVERYONE], key=KEY, by=actor.user_id
        )
