"""Users, sessions and API keys as Immich's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args
from uuid import UUID

from server.wire import iso, iso_or_none

AvatarColor = Literal[
    "primary", "pink", "red", "yellow", "blue", "green", "purple", "orange", "gray", "amber"
]
AVATAR_COLORS: tuple[AvatarColor, ...] = get_args(AvatarColor)

Row = Mapping[str, Any]
Shown = dict[str, Any]


def show_user(row: Row) -> Shown:
    """What everybody may know: UserResponseDto."""
    return {
        "id": row["id"],
        "name": row["name"],
        "email": row["email"],
        "avatarColor": row["avatar_color"] or choose_color(row["email"]),
        "profileImagePath": row["profile_image_key"] or "",
        "profileChangedAt": iso(row["profile_changed_at"]),
    }


def show_account(row: Row) -> Shown:
    """What a user and an administrator may know: UserAdminResponseDto."""
    return show_user(row) | {
        "storageLabel": row["storage_label"],
        "shouldChangePassword": row["should_change_password"],
        "isAdmin": row["is_admin"],
        "createdAt": iso(row["created_at"]),
        "updatedAt": iso(row["updated_at"]),
        "deletedAt": iso_or_none(row["deleted_at"]),
        "oauthId": row["oauth_id"],
        "quotaSizeInBytes": row["quota_bytes"],
        "quotaUsageInBytes": row["usage_bytes"],
        "status": row["status"],
        "license": row["license"],
        "clusterGroupId": row["cluster_group_id"],
    }


def show_login(row: Row, token: str, *, is_onboarded: bool) -> Shown:
    return {
        "accessToken": token,
        "userId": row["id"],
        "userEmail": row["email"],
        "name": row["name"],
        "profileImagePath": row["profile_image_key"] or "",
        "isAdmin": row["is_admin"],
        "shouldChangePassword": row["should_change_password"],
        "isOnboarded": is_onboarded,
    }


def show_session(row: Row, current_id: UUID | None) -> Shown:
    shown = {
        "id": row["id"],
        "createdAt": iso(row["created_at"]),
        "updatedAt": iso(row["updated_at"]),
        "current": row["id"] == current_id,
        "deviceType": row["device_type"],
        "deviceOS": row["device_os"],
        "appVersion": row["app_version"],
        "isPendingSyncReset": row["is_pending_sync_reset"],
    }
    if row["expires_at"]:
        shown["expiresAt"] = iso(row["expires_at"])
    return shown


def show_api_key(row: Row) -> Shown:
    return {
        "id": row["id"],
        "name": row["name"],
        "permissions": row["permissions"],
        "createdAt": iso(row["created_at"]),
        "updatedAt": iso(row["updated_at"]),
    }


def show_secret(row: Row, secret: str) -> Shown:
    """A key with its secret, once. Newer clients read the key's fields at the top."""
    shown = show_api_key(row)
    return {"secret": secret, "apiKey": shown, **shown}


def choose_color(email: str) -> AvatarColor:
    """The colour of somebody who chose none, as Immich finds it: the same on every device."""
    return AVATAR_COLORS[sum(map(ord, email)) % len(AVATAR_COLORS)]
