"""Users: known to everyone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import msgspec

from sql import Transaction, UniqueViolation, reads, writes
from sync import log, preferences
from sync.actor import Actor
from sync.errors import Invalid, Refused
from sync.operations import albums, memories, partners, people, sessions
from sync.topics import EVERYONE


async def create_user(
    tx: Transaction,
    *,
    email: str,
    name: str,
    user_id: UUID | None = None,
    password_hash: str | None = None,
    is_admin: bool = False,
    should_change_password: bool = True,
    storage_label: str | None = None,
    quota_bytes: int | None = None,
) -> UUID:
    row = await writes.users.insert_user(
        tx,
        user_id=user_id or uuid4(),
        email=email.lower(),
        name=name,
        password=password_hash,
        is_admin=is_admin,
        should_change_password=should_change_password,
        storage_label=storage_label,
        quota_bytes=quota_bytes,
    )
    if row is None:
        raise Invalid("User exists")
    await log.stage(tx, "user.created", row["id"], [row["id"]], audience=[EVERYONE])
    return row["id"]


async def sign_up_admin(tx: Transaction, *, email: str, name: str, password_hash: str) -> UUID:
    """The first user of a new server, who administers it."""
    if await reads.users.has_admin(tx):
        raise Invalid("The server already has an admin")
    user_id = uuid4()
    if not await writes.users.claim_first_admin(tx, user_id=user_id):
        raise Invalid("The server already has an admin")
    return await create_user(
        tx,
        email=email,
        name=name,
        user_id=user_id,
        password_hash=password_hash,
        is_admin=True,
        storage_label="admin",
    )


async def update_profile(
    tx: Transaction,
    actor: Actor,
    *,
    email: str | None = None,
    name: str | None = None,
    avatar_color: str | None = None,
    password_hash: str | None = None,
) -> None:
    """Change what is given. An empty colour takes the chosen one away."""
    try:
        await writes.users.update_profile(
            tx,
            user_id=actor.user_id,
            email=email and email.lower(),
            name=name,
            avatar_color=avatar_color,
        )
    except UniqueViolation:
        raise Invalid("Email is not available") from None
    if password_hash:
        await writes.users.set_password(tx, user_id=actor.user_id, password=password_hash)
    await _stage_update(tx, actor.user_id)


async def change_password(tx: Transaction, actor: Actor, password_hash: str) -> None:
    """A new password; every other session ends."""
    await writes.users.set_password(tx, user_id=actor.user_id, password=password_hash)
    await _stage_update(tx, actor.user_id)
    await sessions.delete_other_sessions(tx, actor)


async def create_pin_code(tx: Transaction, actor: Actor, pin_hash: str) -> None:
    if not await writes.users.add_pin_code(tx, user_id=actor.user_id, pin_code=pin_hash):
        raise Invalid("User already has a PIN code")
    await _stage_update(tx, actor.user_id)


async def change_pin_code(tx: Transaction, actor: Actor, pin_hash: str | None) -> None:
    """Another PIN code, or none. What the one before unlocked is locked: with another, but for
    the session that knew it."""
    await writes.users.set_pin_code(tx, user_id=actor.user_id, pin_code=pin_hash)
    await sessions.lock_sessions(tx, actor.user_id, but_id=actor.session_id if pin_hash else None)
    await _stage_update(tx, actor.user_id)


async def set_profile_image(tx: Transaction, actor: Actor, key: str | None) -> str | None:
    """Show another picture, or none; return the key of the one before."""
    row = await writes.users.set_profile_image(tx, user_id=actor.user_id, key=key)
    await _stage_update(tx, actor.user_id)
    return row["profile_image_key"]


async def change_preferences(
    tx: Transaction, user_id: UUID, changes: preferences.Groups
) -> preferences.Groups:
    """Set some of what a user prefers; return all that differs from the defaults now."""
    await writes.users.lock_user(tx, user_id=user_id)
    row = await reads.users.get_metadata(tx, user_id=user_id, key="preferences")
    kept = preferences.change(row["value"] if row else {}, changes)
    await set_metadata(tx, user_id, "preferences", kept)
    return kept


async def set_metadata(tx: Transaction, user_id: UUID, key: str, value: Mapping[str, Any]) -> None:
    """Preferences, onboarding and licence: what the app mirrors of a user, by key."""
    text = msgspec.json.encode(value).decode()
    row = await writes.users.set_metadata(tx, user_id=user_id, key=key, value=text)
    await log.stage(tx, "user_metadata.changed", user_id, [row["id"]], audience=[user_id], key=key)


async def delete_metadata(tx: Transaction, user_id: UUID, key: str) -> None:
    if row := await writes.users.delete_metadata(tx, user_id=user_id, key=key):
        await log.stage(
            tx, "user_metadata.changed", user_id, [row["id"]], audience=[user_id], key=key
        )


async def delete_user(tx: Transaction, user_id: UUID) -> None:
    """Forget a user for good, once all their assets are gone."""
    if await reads.users.has_assets(tx, user_id=user_id):
        raise Invalid("The user still has assets")
    await albums.leave_all(tx, user_id)
    await partners.leave_all(tx, user_id)
    await memories.forget_all(tx, user_id)
    await people.forget_all(tx, user_id)
    metadata = await writes.users.delete_all_metadata(tx, user_id=user_id)
    ended = await writes.sessions.delete_sessions(tx, user_id=user_id, but_id=None)
    keys = await writes.api_keys.delete_api_keys(tx, user_id=user_id)
    if not await writes.users.delete_user(tx, user_id=user_id):
        raise Refused("User not found")
    for topic, rows in (
        ("user_metadata.changed", metadata),
        ("session.deleted", ended),
        ("api_key.deleted", keys),
    ):
        await log.stage(tx, topic, user_id, [row["id"] for row in rows], audience=[user_id])
    await log.stage(tx, "user.deleted", user_id, [user_id], audience=[EVERYONE])


async def _stage_update(tx: Transaction, user_id: UUID) -> None:
    await log.stage(tx, "user.updated", user_id, [user_id], audience=[EVERYONE])
