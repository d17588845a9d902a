"""The server itself: what its administrator set, and which versions ran here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from sql import Transaction, reads, writes
from sync import config, log, settings
from sync.actor import Actor
from sync.topics import EVERYONE

RELEASE = "version-check-state"


async def change_config(
    tx: Transaction, changes: Mapping[str, object], *, by: UUID | None = None
) -> None:
    """Set settings by their paths, `trash.days`; what is the default is not kept. Every process
    reloads. `by`: who did it, if it was not done at the command line.

    Raises Invalid, also where a setting is one that this server does not honour.
    """
    defaults = config.by_path(config.Config())
    before = config.by_path(await config.load(tx))
    after = config.build({**before, **changes})
    settings.check(after, {path for path in changes if changes[path] != before[path]})
    for path in sorted(changes):
        if changes[path] == defaults[path]:
            await writes.settings.delete_setting(tx, name=path)
        else:
            value = msgspec.json.encode(changes[path]).decode()
            await writes.settings.set_setting(tx, name=path, value=value)
    await log.stage(
        tx, "config.changed", EVERYONE, [EVERYONE], audience=[EVERYONE],
        names=sorted(changes), by=by,
    )  # fmt: skip


async def replace_config(tx: Transaction, actor: Actor, values: config.Config) -> None:
    """Set every setting that is not so already. Raises Invalid."""
    wanted, before = config.by_path(values), config.by_path(await config.load(tx))
    changes = {path: value for path, value in wanted.items() if value != before[path]}
    if changes:
        await change_config(tx, changes, by=actor.user_id)


async def set_metadata(
    tx: Transaction, key: str, value: Mapping[str, object], *, by: UUID | None = None
) -> None:
    """Remember something of the server's own, for whoever administrates it. `by`: who said it,
    if somebody did."""
    await writes.settings.set_metadata(tx, key=key, value=msgspec.json.encode(value).decode())
    await log.stage(tx, "system_metadata.changed", EVERYONE, [EVERYONE], key=key, by=by)


async def note_places(tx: Transaction, file_name: str) -> None:
    """Remember when the places of the world were last taken in, and from which file."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    await set_metadata(
        tx, "reverse-geocoding-state", {"lastUpdate": at, "lastImportFileName": file_name}
    )


async def note_release(tx: Transaction, checked_at: str, tag: str, *, is_newer: bool) -> None:
    """Remember which release a feed names. Of one that is newer all are told, once."""
    before = await reads.settings.get_metadata(tx, key=RELEASE)
    state = {"checkedAt": checked_at, "releaseVersion": tag}
    await set_metadata(tx, RELEASE, state)
    if is_newer and (before is None or before["value"].get("releaseVersion") != tag):
        await log.stage(
            tx, "release.found", EVERYONE, [EVERYONE], audience=[EVERYONE],
            checked_at=checked_at, tag=tag,
        )  # fmt: skip


async def note_version(tx: Transaction, version: str) -> None:
    """Remember that this version ran here."""
    await writes.settings.note_version(tx, version=version)
