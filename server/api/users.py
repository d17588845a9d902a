"""/users: oneself and the others."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from server.authentication import hash_password
from server.body import Body, Email
from server.endpoint import Call, endpoint
from server.wire import Json, accounts
from sql import reads
from sync import preferences
from sync.errors import Invalid
from sync.operations import users

Flag = bool | UnsetType
Count = Annotated[int, Meta(ge=1, le=2**53 - 1)] | UnsetType


class UserUpdateMe(Body):
    email: Email | UnsetType = UNSET
    name: str | UnsetType = UNSET
    password: str | UnsetType = UNSET
    avatar_color: accounts.AvatarColor | UnsetType | None = UNSET


class Onboarding(Body):
    is_onboarded: bool


class Albums(Body):
    default_asset_order: Literal["asc", "desc"] | UnsetType = UNSET


class Avatar(Body):
    color: accounts.AvatarColor | UnsetType = UNSET


class Cast(Body):
    g_cast_enabled: Flag = UNSET


class Download(Body):
    archive_size: Count = UNSET  # bytes
    include_embedded_videos: Flag = UNSET


class EmailNotifications(Body):
    enabled: Flag = UNSET
    album_invite: Flag = UNSET
    album_update: Flag = UNSET


class Section(Body):
    """A part of the web app that can be hidden."""

    enabled: Flag = UNSET
    sidebar_web: Flag = UNSET


class Memories(Section):
    duration: Count = UNSET  # seconds for each picture


class People(Section):
    minimum_faces: Count = UNSET


class Purchase(Body):
    show_support_badge: Flag = UNSET
    hide_buy_button_until: str | UnsetType = UNSET


class Ratings(Body):
    enabled: Flag = UNSET


class RecentlyAdded(Body):
    sidebar_web: Flag = UNSET


class UserPreferencesUpdate(Body):
    albums: Albums | UnsetType = UNSET
    avatar: Avatar | UnsetType = UNSET
    cast: Cast | UnsetType = UNSET
    download: Download | UnsetType = UNSET
    email_notifications: EmailNotifications | UnsetType = UNSET
    folders: Section | UnsetType = UNSET
    memories: Memories | UnsetType = UNSET
    people: People | UnsetType = UNSET
    purchase: Purchase | UnsetType = UNSET
    ratings: Ratings | UnsetType = UNSET
    recently_added: RecentlyAdded | UnsetType = UNSET
    shared_links: Section | UnsetType = UNSET
    tags: Section | UnsetType = UNSET


@endpoint("GET", "/users", permission="user.read")
async def search_users(call: Call) -> Json:
    """Everybody, or only oneself where people are not to know of each other."""
    sees_all = call.actor.is_admin or call.context.config.server.public_users
    async with call.context.database.read() as connection:
        rows = await reads.users.list_users(connection)
    return [accounts.show_user(row) for row in rows if sees_all or row["id"] == call.actor.user_id]


@endpoint("GET", "/users/{id}", permission="user.read")
async def get_user(call: Call) -> Json:
    async with call.context.database.read() as connection:
        row = await reads.users.get_user(connection, user_id=call.ids["id"])
    if row is None or row["deleted_at"]:
        raise Invalid("User not found")
    return accounts.show_user(row)


@endpoint("GET", "/users/me", permission="user.read")
async def get_my_user(call: Call) -> Json:
    return await _show_me(call)


@endpoint("PUT", "/users/me", permission="user.update", body=UserUpdateMe, aliases=("PATCH",))
async def update_my_user(call: Call) -> Json:
    body: UserUpdateMe = call.body
    password = _said(body.password)
    color = "" if body.avatar_color is None else _said(body.avatar_color)
    password_hash = await hash_password(password) if password else None
    async with call.context.database.write() as tx:
        await users.update_profile(
            tx,
            call.actor,
            email=_said(body.email),
            name=_said(body.name),
            avatar_color=color,
            password_hash=password_hash,
        )
    return await _show_me(call)


@endpoint("GET", "/users/me/preferences", permission="userPreference.read")
async def get_my_preferences(call: Call) -> Json:
    return preferences.complete(await _get_metadata(call, "preferences"))


@endpoint(
    "PUT",
    "/users/me/preferences",
    permission="userPreference.update",
    body=UserPreferencesUpdate,
    aliases=("PATCH",),
)
async def update_my_preferences(call: Call) -> Json:
    changes = msgspec.to_builtins(call.body)
    color = changes.pop("avatar", {}).get("color")
    async with call.context.database.write() as tx:
        kept = await users.change_preferences(tx, call.actor.user_id, changes)
        if color:
            await users.update_profile(tx, call.actor, avatar_color=color)
    return preferences.complete(kept)


@endpoint("GET", "/users/me/onboarding", permission="userOnboarding.read")
async def get_user_onboarding(call: Call) -> Json:
    return {"isOnboarded": False, **await _get_metadata(call, "onboarding")}


@endpoint("PUT", "/users/me/onboarding", permission="userOnboarding.update", body=Onboarding)
async def set_user_onboarding(call: Call) -> Json:
    onboarding = {"isOnboarded": call.body.is_onboarded}
    async with call.context.database.write() as tx:
        await users.set_metadata(tx, call.actor.user_id, "onboarding", onboarding)
    return onboarding


@endpoint("DELETE", "/users/me/onboarding", permission="userOnboarding.delete")
async def delete_user_onboarding(call: Call) -> None:
    async with call.context.database.write() as tx:
        await users.delete_metadata(tx, call.actor.user_id, "onboarding")


def _said(value: str | UnsetType) -> str | None:
    return None if value is UNSET else value


async def _show_me(call: Call) -> Json:
    async with call.context.database.read() as connection:
        row = await reads.users.get_user(connection, user_id=call.actor.user_id)
    if row is None:
        raise Invalid("User not found")
    return accounts.show_account(row)


async def _get_metadata(call: Call, key: str) -> dict[str, Any]:
    async with call.context.database.read() as connection:
        row = await reads.users.get_metadata(connection, user_id=call.actor.user_id, key=key)
    return row["value"] if row else {}
