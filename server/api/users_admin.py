"""/admin/users: everybody, for who administrates the server."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from server import beside, departures
from server.api.assets import AssetStatistics
from server.api.pin import PinCode
from server.api.users import UserPreferencesUpdate
from server.authentication import hash_password
from server.body import Body, Email, Id
from server.endpoint import Call, endpoint
from server.wire import Json, accounts
from sql import reads
from sync import preferences
from sync.errors import Invalid
from sync.operations import departures as leaving
from sync.operations import notifications, users

Quota = Annotated[int, Meta(ge=0, le=2**53 - 1)]  # bytes


class UserAdminSearch(Body):
    id: Id | None = None
    with_deleted: bool = False


class UserAdminCreate(Body):
    email: Email
    name: str
    password: str
    avatar_color: accounts.AvatarColor | None = None
    is_admin: bool = False
    notify: bool = False
    pin_code: PinCode | None = None
    quota_size_in_bytes: Quota | None = None
    should_change_password: bool = True
    storage_label: str | None = None


class UserAdminUpdate(Body):
    """What is not said stays; null takes away."""

    email: Email | UnsetType = UNSET
    name: str | UnsetType = UNSET
    password: str | UnsetType = UNSET
    avatar_color: accounts.AvatarColor | UnsetType | None = UNSET
    is_admin: bool | UnsetType = UNSET
    pin_code: PinCode | UnsetType | None = UNSET
    quota_size_in_bytes: Quota | UnsetType | None = UNSET
    should_change_password: bool | UnsetType = UNSET
    storage_label: str | UnsetType | None = UNSET


class UserAdminDelete(Body):
    force: bool = False


@endpoint("GET", "/admin/users", auth="admin", permission="adminUser.read", query=UserAdminSearch)
async def search_users_admin(call: Call) -> Json:
    async with call.context.database.read() as connection:
        rows = await reads.users.list_accounts(
            connection, user_id=call.query.id, with_deleted=call.query.with_deleted
        )
    return [accounts.show_account(row) for row in rows]


@endpoint(
    "POST",
    "/admin/users",
    auth="admin",
    permission="adminUser.create",
    body=UserAdminCreate,
    status=201,
)
async def create_user_admin(call: Call) -> Json:
    body: UserAdminCreate = call.body
    if not body.password and not call.context.config.oauth.enabled:
        raise Invalid("password is required")
    password = await hash_password(body.password) if body.password else None
    pin = await hash_password(body.pin_code) if body.pin_code else None
    async with call.context.database.write() as tx:
        user_id = await users.create_account(
            tx,
            call.actor,
            email=body.email,
            name=body.name,
            password_hash=password,
            pin_hash=pin,
            is_admin=body.is_admin,
            should_change_password=body.should_change_password,
            avatar_color=body.avatar_color,
            storage_label=users.clean_label(body.storage_label),
            quota_bytes=body.quota_size_in_bytes,
        )
        if body.notify and call.context.config.notifications.smtp.enabled:
            await notifications.request_welcome(tx, user_id, body.password)
    return await _show(call, user_id)


@endpoint("GET", "/admin/users/{id}", auth="admin", permission="adminUser.read")
async def get_user_admin(call: Call) -> Json:
    return await _show(call, call.ids["id"])


@endpoint(
    "PUT",
    "/admin/users/{id}",
    auth="admin",
    permission="adminUser.update",
    body=UserAdminUpdate,
    aliases=("PATCH",),
)
async def update_user_admin(call: Call) -> Json:
    changes = await _read_changes(call.body)
    async with call.context.database.write() as tx:
        await users.update_account(tx, call.actor, call.ids["id"], changes)
    return await _show(call, call.ids["id"])


@endpoint(
    "DELETE",
    "/admin/users/{id}",
    auth="admin",
    permission="adminUser.delete",
    body=UserAdminDelete,
)
async def delete_user_admin(call: Call) -> Json:
    """Out of sight at once, and for good after some days; or, by force, as soon as it is done."""
    user_id, is_final = call.ids["id"], call.body.force
    async with call.context.database.write() as tx:
        await leaving.delete_account(tx, call.actor, user_id, is_final=is_final)
    shown = await _show(call, user_id)
    if is_final:
        beside.begin(call.request.app, departures.remove(call.context, user_id))
    return shown


@endpoint("POST", "/admin/users/{id}/restore", auth="admin", permission="adminUser.delete")
async def restore_user_admin(call: Call) -> Json:
    async with call.context.database.write() as tx:
        await leaving.restore_account(tx, call.actor, call.ids["id"])
    return await _show(call, call.ids["id"])


@endpoint("GET", "/admin/users/{id}/sessions", auth="admin", permission="adminSession.read")
async def get_user_sessions_admin(call: Call) -> Json:
    async with call.context.database.read() as connection:
        rows = await reads.sessions.list_sessions(connection, user_id=call.ids["id"])
    return [accounts.show_session(row, call.actor.session_id) for row in rows]


@endpoint(
    "GET",
    "/admin/users/{id}/statistics",
    auth="admin",
    permission="adminUser.read",
    query=AssetStatistics,
)
async def get_user_statistics_admin(call: Call) -> Json:
    asked = call.query
    async with call.context.database.read() as connection:
        counts = await reads.assets.count_assets(
            connection,
            owner_id=call.ids["id"],
            is_trashed=asked.is_trashed,
            is_favorite=asked.is_favorite,
            visibility=asked.visibility,
        )
    return dict(counts)


@endpoint("GET", "/admin/users/{id}/preferences", auth="admin", permission="adminUser.read")
async def get_user_preferences_admin(call: Call) -> Json:
    await _show(call, call.ids["id"])
    async with call.context.database.read() as connection:
        row = await reads.users.get_metadata(connection, user_id=call.ids["id"], key="preferences")
    return preferences.complete(row["value"] if row else {})


@endpoint(
    "PUT",
    "/admin/users/{id}/preferences",
    auth="admin",
    permission="adminUser.update",
    body=UserPreferencesUpdate,
    aliases=("PATCH",),
)
async def update_user_preferences_admin(call: Call) -> Json:
    changes, user_id = msgspec.to_builtins(call.body), call.ids["id"]
    color = changes.pop("avatar", {}).get("color")
    async with call.context.database.write() as tx:
        columns = {"avatar_color": color} if color else {}
        await users.update_account(tx, call.actor, user_id, columns)
        kept = await users.change_preferences(tx, user_id, changes)
    return preferences.complete(kept)


async def _read_changes(body: UserAdminUpdate) -> dict[str, Any]:
    """By column, with hashes for secrets."""
    said = {
        "email": body.email,
        "name": body.name,
        "is_admin": body.is_admin,
        "avatar_color": body.avatar_color,
        "should_change_password": body.should_change_password,
        "quota_bytes": body.quota_size_in_bytes,
    }
    changes: dict[str, Any] = {name: value for name, value in said.items() if value is not UNSET}
    if isinstance(body.email, str):
        changes["email"] = body.email.lower()
    if not isinstance(body.storage_label, UnsetType):
        changes["storage_label"] = users.clean_label(body.storage_label)
    if isinstance(body.password, str) and body.password:
        changes["password"] = await hash_password(body.password)
    if not isinstance(body.pin_code, UnsetType):
        changes["pin_code"] = await hash_password(body.pin_code) if body.pin_code else None
    return changes


async def _show(call: Call, user_id: UUID) -> Json:
    async with call.context.database.read() as connection:
        row = await reads.users.get_user(connection, user_id=user_id)
    if row is None:
        raise Invalid("User not found")
    return accounts.show_account(row)
