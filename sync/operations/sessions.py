"""Sessions and API keys: the ways a user is let in. Only hashes of their secrets get here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import TypedDict
from uuid import UUID

from sql import Transaction, writes
from sync import log
from sync.actor import Actor
from sync.errors import Invalid, NoAccess

UNLOCKED = timedelta(minutes=15)  # after the PIN code was given
EXTENDED = timedelta(minutes=5)  # after each use, once no more is left


class ApiKey(TypedDict):
    id: UUID
    name: str
    permissions: list[str]
    created_at: object
    updated_at: object


async def create_session(
    tx: Transaction,
    user_id: UUID,
    token_hash: bytes,
    *,
    parent_id: UUID | None = None,
    device_type: str = "",
    device_os: str = "",
    app_version: str | None = None,
    duration: timedelta | None = None,
) -> UUID:
    row = await writes.sessions.insert_session(
        tx,
        user_id=user_id,
        token_hash=token_hash,
        parent_id=parent_id,
        device_type=device_type,
        device_os=device_os,
        app_version=app_version,
        duration=duration,
    )
    await log.stage(
        tx,
        "session.created",
        user_id,
        [row["id"]],
        audience=[user_id],
        device_type=device_type,
        device_os=device_os,
    )
    return row["id"]


async def touch_session(tx: Transaction, session_id: UUID, app_version: str | None) -> None:
    """Note that a session is in use, and by which version of the app."""
    await writes.sessions.touch(tx, session_id=session_id, app_version=app_version)


async def log_out(tx: Transaction, actor: Actor) -> None:
    """End the actor's own session. The device is told, so that it leaves at once."""
    if actor.session_id is not None:
        rows = await writes.sessions.delete_session(
            tx, user_id=actor.user_id, session_id=actor.session_id
        )
        await _stage_deletion(tx, actor, [row["id"] for row in rows], is_logout=True)


async def delete_session(tx: Transaction, actor: Actor, session_id: UUID) -> None:
    rows = await writes.sessions.delete_session(tx, user_id=actor.user_id, session_id=session_id)
    if not rows:
        raise NoAccess("authDevice.delete")
    await _stage_deletion(tx, actor, [row["id"] for row in rows])


async def delete_other_sessions(tx: Transaction, actor: Actor) -> None:
    """End all but the one that acts; with an API key that is all."""
    await delete_sessions(tx, actor.user_id, but_id=actor.session_id)


async def delete_sessions(tx: Transaction, user_id: UUID, *, but_id: UUID | None = None) -> None:
    """End all of a user's sessions, but perhaps one."""
    if but_id is not None:
        await writes.sessions.detach_session(tx, session_id=but_id)
    rows = await writes.sessions.delete_sessions(tx, user_id=user_id, but_id=but_id)
    ids = [row["id"] for row in rows]
    await log.stage(tx, "session.deleted", user_id, ids, audience=[user_id], is_logout=False)


async def delete_stale_sessions(tx: Transaction, unused: timedelta) -> int:
    """End some that expired or were not used for so long; return how many, zero when none is."""
    ended = defaultdict(list)
    for row in await writes.sessions.delete_stale(tx, unused=unused):
        ended[row["user_id"]].append(row["id"])
    for user_id, ids in ended.items():
        await log.stage(tx, "session.deleted", user_id, ids, audience=[user_id], is_logout=False)
    return sum(map(len, ended.values()))


async def unlock_session(tx: Transaction, actor: Actor) -> None:
    """Let the actor's session see the locked folder for a while."""
    assert actor.session_id
    await writes.sessions.unlock(
        tx, session_id=actor.session_id, user_id=actor.user_id, duration=UNLOCKED
    )


async def extend_unlocked(tx: Transaction, session_id: UUID) -> None:
    """It is in use: let it not end just now."""
    await writes.sessions.extend_unlocked(tx, session_id=session_id, duration=EXTENDED)


async def lock_session(tx: Transaction, actor: Actor, session_id: UUID) -> None:
    if not await writes.sessions.lock(tx, session_id=session_id, user_id=actor.user_id):
        raise NoAccess("session.lock")


async def lock_sessions(tx: Transaction, user_id: UUID, *, but_id: UUID | None = None) -> None:
    """All of a user's, but perhaps one."""
    await writes.sessions.lock_others(tx, user_id=user_id, but_id=but_id)


async def set_pending_reset(
    tx: Transaction, actor: Actor, session_id: UUID, *, is_pending: bool
) -> None:
    """Let a device start its copy anew, or not after all."""
    if not await writes.sessions.set_pending_reset(
        tx, session_id=session_id, user_id=actor.user_id, is_pending=is_pending
    ):
        raise NoAccess("session.update")


async def create_api_key(
    tx: Transaction, actor: Actor, key_hash: bytes, *, name: str, permissions: Sequence[str]
) -> ApiKey:
    _require_grantable(actor, permissions)
    row = await writes.api_keys.insert_api_key(
        tx, user_id=actor.user_id, key_hash=key_hash, name=name, permissions=list(permissions)
    )
    await _stage_key(tx, "api_key.created", actor, row["id"])
    return ApiKey(**row)


async def update_api_key(
    tx: Transaction,
    actor: Actor,
    api_key_id: UUID,
    *,
    name: str | None,
    permissions: Sequence[str] | None,
) -> ApiKey:
    _require_grantable(actor, permissions or ())
    row = await writes.api_keys.update_api_key(
        tx,
        user_id=actor.user_id,
        api_key_id=api_key_id,
        name=name,
        permissions=None if permissions is None else list(permissions),
    )
    if row is None:
        raise Invalid("API Key not found")
    await _stage_key(tx, "api_key.updated", actor, api_key_id)
    return ApiKey(**row)


async def rotate_api_key(
    tx: Transaction, actor: Actor, api_key_id: UUID, key_hash: bytes
) -> ApiKey:
    """A new secret for the same key; the old one ends."""
    row = await writes.api_keys.rotate_api_key(
        tx, user_id=actor.user_id, api_key_id=api_key_id, key_hash=key_hash
    )
    if row is None:
        raise Invalid("API Key not found")
    _require_grantable(actor, row["permissions"])  # The secret is as good as the permissions.
    await _stage_key(tx, "api_key.updated", actor, api_key_id)
    return ApiKey(**row)


async def delete_api_key(tx: Transaction, actor: Actor, api_key_id: UUID) -> None:
    if not await writes.api_keys.delete_api_key(tx, user_id=actor.user_id, api_key_id=api_key_id):
        raise Invalid("API Key not found")
    await _stage_key(tx, "api_key.deleted", actor, api_key_id)


def _require_grantable(actor: Actor, permissions: Sequence[str]) -> None:
    """Nobody gives away more than they have."""
    held = actor.permissions
    if held is not None and "all" not in held and not held.issuperset(permissions):
        raise Invalid("Cannot grant permissions you do not have")


async def _stage_deletion(
    tx: Transaction, actor: Actor, session_ids: list[UUID], *, is_logout: bool = False
) -> None:
    await log.stage(
        tx,
        "session.deleted",
        actor.user_id,
        session_ids,
        audience=[actor.user_id],
        is_logout=is_logout,
    )


async def _stage_key(tx: Transaction, topic: str, actor: Actor, api_key_id: UUID) -> None:
    await log.stage(tx, topic, actor.user_id, [api_key_id], audience=[actor.user_id])
