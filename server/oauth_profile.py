"""What an OpenID provider claims about a user, as what it means here."""

from __future__ import annotations

import math
import re

from server import oidc
from server.body import EMAIL
from server.oidc import Claims
from sync.config import OAuth
from sync.operations.oauth import Profile

GIB = 1024**3
QUOTA_BYTES_MAX = 2**53 - 1
TEXT_CHARACTERS_MAX = 320
URL_CHARACTERS_MAX = 4096
ROLES = {"admin": True, "user": False}
UNSAFE = re.compile(r"[^\w@ -]")  # A label may name a folder.


def read_profile(claims: Claims, settings: OAuth) -> Profile:
    """Raises Untrusted when they are about nobody. What else is wrong counts as not said."""
    email = (_text(claims, "email") or "").lower()
    is_email = re.fullmatch(EMAIL, email) is not None
    parts = [_text(claims, "given_name"), _text(claims, "family_name")]
    return Profile(
        sub=oidc.read_sub(claims),
        email=email if is_email else None,
        is_email_verified=_is_true(claims.get("email_verified")),
        name=_text(claims, "name")
        or " ".join(part for part in parts if part)
        or _text(claims, "preferred_username")
        or email,
        storage_label=_label(claims, settings.storage_label_claim),
        quota_bytes=_quota_bytes(claims.get(settings.storage_quota_claim)),
        is_admin=_role(claims.get(settings.role_claim)),
        picture_url=_url(claims, "picture"),
    )


def default_quota_bytes(settings: OAuth) -> int | None:
    return _quota_bytes(settings.default_storage_quota)


def _text(claims: Claims, name: str) -> str | None:
    value = claims.get(name)
    if not isinstance(value, str) or not oidc.is_text(value):
        return None
    return value.strip()[:TEXT_CHARACTERS_MAX] or None


def _url(claims: Claims, name: str) -> str | None:
    value = claims.get(name)
    is_short = isinstance(value, str) and len(value) <= URL_CHARACTERS_MAX
    return str(value).strip() or None if is_short else None


def _is_true(value: object) -> bool:
    """Some send it as text. Who does not send it has verified nothing."""
    return value is True or value == "true"


def _label(claims: Claims, name: str) -> str | None:
    label = UNSAFE.sub("", _text(claims, name) or "")
    return label.strip() or None


def _quota_bytes(gib: object) -> int | None:
    """Of so many GiB, also as text; None where that is no such number."""
    if isinstance(gib, bool) or not isinstance(gib, int | float | str):
        return None
    try:
        count = float(gib)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(count) or not 0 <= count <= QUOTA_BYTES_MAX / GIB:
        return None
    return int(count * GIB)


def _role(value: object) -> bool | None:
    """Whether it makes an administrator; None where it says neither."""
    roles = value if isinstance(value, list) else [value]
    told = [ROLES[role] for role in roles if isinstance(role, str) and role in ROLES]
    return any(told) if told else None
