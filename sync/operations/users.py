"""Users: known to everyone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Required, TypedDict, Unpack
from uuid import UUID, uuid4

import msgspec

from sql import Transaction, UniqueViolation, reads, writes
from sync import log, preferences
from sync.actor import Actor
from sync.errors import Invalid, Refused
from sync.operations import albums, memories, notifications, partners, people, sessions
from sync.topics import EVERYONE

EMAIL_TAKEN = "Email already in use by another account"
LABEL_TAKEN = "Storage label already in use by another account"
ACCOUNT_COLUMNS = (
    "email", "name", "password", "pin_code", "is_admin", "should_change_password", "avatar_color",
    "storage_label", "quota_bytes",
)  # fmt: skip
# A label is the name of a folder, here and where the library is copied to.
NOT_IN_LABELS = re.compile(r"[./\\?<>:*|\"\x00-\x1f\x7f-\x9f]")
RESERVED_LABELS = re.compile(r"con|prn|aux|nul|(com|lpt)[0-9]", re.I)
LABEL_BYTES_MAX = 255


class NewAccount(TypedDict, total=False):
    email: Required[str]
    name: Required[str]
    password_hash: str | None
    is_admin: bool
    should_change_password: bool
    storage_label: str | None
    quota_bytes: int | None
    avatar_color: str | None
    pin_hash: str | None


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
    avatar_color: str | None = None,
    pin_hash: str | None = None,
    by: UUID | None = None,
) -> UUID:
    """`by`: the administrator who did it, if one did."""
    row = await writes.users.insert_user(
        tx,
        user_id=user_id or uuid4(),
        email=email.lower(),
        name=name,
        password=password_hash,
        pin_code=pin_hash,
        is_admin=is_admin,
        should_change_password=should_change_password,
        avatar_color=avatar_color,
        storage_label=storage_label,
        quota_bytes=quota_bytes,
    )
    if row is None:
        raise Invalid("User exists")
    await log.stage(tx, "user.created", row["id"], [row["id"]], audience=[EVERYONE], by=by)
    return row["id"]


async def create_account(tx: Transaction, actor: Actor, **details: Unpack[NewAccount]) -> UUID:
    """An administrator makes a user. Raises Invalid."""
    if not details.get("is_admin") and not await reads.users.has_admin(tx):
        raise Invalid("The first registered account must the administrator.")
    try:
        return await create_user(tx, **details, by=actor.user_id)
    except UniqueViolation:
        raise Invalid(LABEL_TAKEN) from None


async def update_account(
    tx: Transaction, actor: Actor, user_id: UUID, changes: Mapping[str, Any]
) -> None:
    """An administrator changes the named columns of a user, `email`, `quota_bytes`, and so on;
    `password` and `pin_code` are hashes. A new password ends the sessions that the old one began,
    a new PIN code locks those that the old one opened.
    """
    is_self = user_id == actor.user_id
    if is_self and changes.get("is_admin") is False:
        raise Invalid("Admin status can only be changed by another admin")
    if changes.get("is_admin") is False:
        await require_another_admin(tx, user_id)
    values: dict[str, Any] = {**dict.fromkeys(ACCOUNT_COLUMNS), **changes}
    try:
        count = await writes.users.update_account(
            tx, user_id=user_id, set=sorted(changes), **values
        )
    except UniqueViolation as error:
        is_email = error.diag.constraint_name == "user_email_key"
        raise Invalid(EMAIL_TAKEN if is_email else LABEL_TAKEN) from None
    if not count:
        raise Invalid("User not found")
    if "pin_code" in changes:
        await sessions.lock_sessions(tx, user_id)
    if "password" in changes:
        await notifications.forget_welcome(tx, user_id)
        await sessions.delete_sessions(tx, user_id, but_id=actor.session_id)
    await _stage_update(tx, user_id, by=actor.user_id, changed=sorted(changes))


async def require_another_admin(tx: Transaction, user_id: UUID) -> None:
    """Somebody else administrates the server, until commit. Raises Invalid."""
    admins = await writes.users.hold_admins(tx)
    if all(row["id"] == user_id for row in admins):
        raise Invalid("The server needs an administrator")


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
        await notifications.forget_welcome(tx, actor.user_id)
        await writes.users.set_password(tx, user_id=actor.user_id, password=password_hash)
    await _stage_update(tx, actor.user_id)


async def change_password(tx: Transaction, actor: Actor, password_hash: str) -> None:
    """A new password; every other session ends."""
    await notifications.forget_welcome(tx, actor.user_id)
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


async def set_profile_image(tx: Transaction, actor: Actor, key: str | None) -> None:
    """Show another picture, or none; the file of the one before goes after that is on record."""
    user_id = actor.user_id
    await writes.users.lock_user(tx, user_id=user_id)
    before = await reads.users.get_profile_image(tx, user_id=user_id)
    if before is None and key is None:
        raise Invalid("Can't delete a missing profile Image")
    await writes.users.set_profile_image(tx, user_id=user_id, key=key)
    await _stage_update(tx, user_id)
    if before is not None:
        await _stage_image(tx, user_id, before)


async def add_profile_image(tx: Transaction, user_id: UUID, key: str) -> bool:
    """Show a picture where there is none; return whether there was none."""
    await writes.users.lock_user(tx, user_id=user_id)
    if await reads.users.get_profile_image(tx, user_id=user_id) is not None:
        return False
    if not await writes.users.set_profile_image(tx, user_id=user_id, key=key):
        return False  # They are gone.
    await _stage_update(tx, user_id)
    return True


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
    image = await reads.users.get_profile_image(tx, user_id=user_id)
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
    if image is not None:
        await _stage_image(tx, user_id, image)


def clean_label(label: str | None) -> str | None:
    """As the name of a folder; None if nothing is left."""
    kept = NOT_IN_LABELS.sub("", label or "").strip()
    kept = kept.encode()[:LABEL_BYTES_MAX].decode(errors="ignore")
    return None if not kept or RESERVED_LABELS.fullmatch(kept) else kept


async def recount_usage(tx: Transaction, user_id: UUID) -> bool:
    """See that what a user's files take is what is noted; return whether it was not."""
    await writes.users.lock_user(tx, user_id=user_id)  # Whoever uploads now is counted after it.
    usage = await reads.users.sum_usage(tx, user_id=user_id)
    is_changed = bool(await writes.users.set_usage(tx, user_id=user_id, usage_bytes=usage))
    if is_changed:
        await _stage_update(tx, user_id)
    return is_changed


async def _stage_update(tx: Transaction, user_id: UUID, **facts: object) -> None:
    await log.stage(tx, "user.updated", user_id, [user_id], audience=[EVERYONE], **facts)


async def _stage_image(tx: Transaction, user_id: UUID, key: str) -> None:
    await log.stage(tx, "user.image_dropped", user_id, [user_id], audience=[user_id], keys=[key])
