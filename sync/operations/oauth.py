"""Users who log in through an OpenID provider: who they are here, and when they are out again."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from sql import Transaction, UniqueViolation, reads, writes
from sync import log
from sync.actor import Actor
from sync.errors import Invalid
from sync.operations import users
from sync.topics import EVERYONE

ATTEMPT_LASTS = timedelta(minutes=10)
ATTEMPTS_MAX = 10_000  # Anybody may begin one.
LOGOUT_LASTS = timedelta(minutes=10)  # Longer than a logout token is believed.


class NotLetIn(Invalid):
    """The provider knows who it is, and still they have no account here. `reason` is for whoever
    administrates the server: it could tell a stranger who has an account."""

    def __init__(self, reason: str) -> None:
        super().__init__("OAuth authentication failed")
        self.reason = reason


class Profile(NamedTuple):
    """Whom the provider let in, and what it says of them."""

    sub: str
    email: str | None = None  # lower case
    is_email_verified: bool = False
    name: str = ""
    storage_label: str | None = None
    quota_bytes: int | None = None  # None: it does not say
    is_admin: bool | None = None  # None: it does not say
    picture_url: str | None = None


class Attempt(NamedTuple):
    """What somebody was sent to the provider with, beside the state."""

    nonce: str
    code_challenge: str
    redirect_uri: str


class Grant(NamedTuple):
    """What a session of ours has to do with one of the provider."""

    sub: str
    sid: str | None
    id_token: str


async def begin_attempt(tx: Transaction, state: str, attempt: Attempt) -> None:
    await writes.oauth.drop_attempts(tx, kept=ATTEMPTS_MAX)
    if not await writes.oauth.insert_attempt(
        tx, state_hash=_hash(state), duration=ATTEMPT_LASTS, **attempt._asdict()
    ):
        raise Invalid("This OAuth state is in use")


async def take_attempt(tx: Transaction, state: str) -> Attempt | None:
    """What belongs to this state, once; None when there is no such attempt, or not any more."""
    row = await writes.oauth.take_attempt(tx, state_hash=_hash(state))
    if row is None or not row["is_timely"]:
        return None
    return Attempt(row["nonce"], row["code_challenge"], row["redirect_uri"])


async def find_user(
    tx: Transaction, profile: Profile, *, is_registering: bool, default_quota_bytes: int | None
) -> UUID:
    """Who that is here: by the provider's id, else by a verified e-mail, else somebody new.
    Raises NotLetIn and Invalid."""
    await writes.oauth.hold_subject(tx, sub=profile.sub)
    row = await writes.oauth.lock_subject(tx, sub=profile.sub)
    if (
        row is None
        and profile.email
        and (by_email := await writes.oauth.lock_email(tx, email=profile.email))
    ):
        if by_email["oauth_id"]:
            raise NotLetIn(f"{profile.email} belongs to another account of the provider")
        if not profile.is_email_verified:
            raise NotLetIn(f"The provider has not verified {profile.email}, which a user here has")
        row = by_email
    if row is None:
        return await _register(tx, profile, is_registering, default_quota_bytes)
    if row["deleted_at"]:
        raise NotLetIn("The user is deleted")
    if not row["oauth_id"]:
        await writes.oauth.set_subject(tx, user_id=row["id"], sub=profile.sub)
    changed = await _apply_claims(tx, profile, row["id"], row["is_admin"], row["quota_bytes"])
    if changed or not row["oauth_id"]:
        await _stage_update(tx, row["id"])
    return row["id"]


async def mark_session(tx: Transaction, session_id: UUID, grant: Grant) -> None:
    """Let the provider end this session."""
    await writes.oauth.mark_session(tx, session_id=session_id, **grant._asdict())


async def link(tx: Transaction, actor: Actor, grant: Grant) -> None:
    """Let the actor log in as that user of the provider from now on."""
    await writes.oauth.hold_subject(tx, sub=grant.sub)
    row = await writes.oauth.lock_subject(tx, sub=grant.sub)
    if row is not None and row["id"] != actor.user_id:
        raise Invalid("This OAuth account has already been linked to another user.")
    await writes.oauth.set_subject(tx, user_id=actor.user_id, sub=grant.sub)
    if actor.session_id:
        await mark_session(tx, actor.session_id, grant)
    await _stage_update(tx, actor.user_id)


async def unlink(tx: Transaction, actor: Actor) -> None:
    await writes.oauth.set_subject(tx, user_id=actor.user_id, sub="")
    await writes.oauth.unmark_sessions(tx, user_id=actor.user_id)
    await _stage_update(tx, actor.user_id)


async def unlink_all(tx: Transaction, actor: Actor) -> None:
    """Nobody has to do with a provider any more, as when there is to be another one."""
    rows = await writes.oauth.drop_subjects(tx)
    await writes.oauth.unmark_sessions(tx, user_id=None)
    for row in rows:
        await _stage_update(tx, row["id"], by=actor.user_id)


async def end_sessions(tx: Transaction, *, sub: str | None, sid: str | None, token_id: str) -> None:
    """Follow the provider's word that a user, or a session of theirs, is logged out there.
    Raises Invalid when this word was followed before."""
    assert sub or sid
    await writes.oauth.drop_logouts(tx)
    if not await writes.oauth.insert_logout(tx, token_hash=_hash(token_id), duration=LOGOUT_LASTS):
        raise Invalid("Error backchannel logout: token validation failed")
    ended = defaultdict(list)
    for row in await writes.oauth.end_sessions(tx, sub=sub, sid=sid):
        ended[row["user_id"]].append(row["id"])
    for user_id, ids in ended.items():
        await log.stage(tx, "session.deleted", user_id, ids, audience=[user_id], is_logout=True)


async def _register(
    tx: Transaction, profile: Profile, is_registering: bool, default_quota_bytes: int | None
) -> UUID:
    if not is_registering:
        raise NotLetIn("They have no account, and registering is off")
    if not profile.email:
        raise Invalid("OAuth profile does not have an email address")
    if not profile.is_admin and not await reads.users.has_admin(tx):
        raise Invalid("The first registered account must the administrator.")
    label = users.clean_label(profile.storage_label)
    if label and await reads.oauth.is_label_taken(tx, label=label):
        label = None
    quota = default_quota_bytes if profile.quota_bytes is None else profile.quota_bytes
    try:
        user_id = await users.create_user(
            tx,
            email=profile.email,
            name=profile.name or profile.email,
            is_admin=bool(profile.is_admin),
            should_change_password=False,  # There is none.
            storage_label=label,
            quota_bytes=quota,
        )
        await writes.oauth.set_subject(tx, user_id=user_id, sub=profile.sub)
    except UniqueViolation:
        raise NotLetIn("Somebody else got the same name in this moment") from None
    return user_id


async def _apply_claims(
    tx: Transaction, profile: Profile, user_id: UUID, is_admin: bool, quota_bytes: int | None
) -> bool:
    """Role and quota as the provider has them; what it does not say stays as it is here."""
    told_quota = quota_bytes if profile.quota_bytes is None else profile.quota_bytes
    told_admin = is_admin if profile.is_admin is None else profile.is_admin
    if is_admin and not told_admin:
        await writes.oauth.hold_admins(tx)
        # Without any nobody could mend it.
        told_admin = not await reads.oauth.has_other_admin(tx, user_id=user_id)
    if (told_admin, told_quota) == (is_admin, quota_bytes):
        return False
    await writes.oauth.set_claims(tx, user_id=user_id, is_admin=told_admin, quota_bytes=told_quota)
    return True


async def _stage_update(tx: Transaction, user_id: UUID, **facts: object) -> None:
    await log.stage(tx, "user.updated", user_id, [user_id], audience=[EVERYONE], **facts)


def _hash(secret: str) -> bytes:
    return sha256(secret.encode(errors="surrogatepass")).digest()
