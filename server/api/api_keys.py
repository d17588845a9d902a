"""/api-keys: keys for programs."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from server.authentication import hash_token, make_token
from server.body import Body
from server.endpoint import Call, endpoint
from server.permissions import PERMISSIONS
from server.wire import Json, accounts
from sql import reads
from sync.errors import Forbidden, Invalid
from sync.operations import sessions

Permissions = Annotated[list[Literal[PERMISSIONS]], Meta(min_length=1)]  # type: ignore[valid-type]


class ApiKeyCreate(Body):
    permissions: Permissions
    name: str = ""


class ApiKeyUpdate(Body):
    name: str | UnsetType = UNSET
    permissions: Permissions | UnsetType = UNSET


@endpoint("GET", "/api-keys", permission="apiKey.read")
async def get_api_keys(call: Call) -> Json:
    async with call.context.database.read() as connection:
        rows = await reads.api_keys.list_api_keys(connection, user_id=call.actor.user_id)
    return [accounts.show_api_key(row) for row in rows]


@endpoint("POST", "/api-keys", permission="apiKey.create", body=ApiKeyCreate, status=201)
async def create_api_key(call: Call) -> Json:
    secret = make_token()
    async with call.context.database.write() as tx:
        row = await sessions.create_api_key(
            tx,
            call.actor,
            hash_token(secret),
            name=call.body.name or "API Key",
            permissions=call.body.permissions,
        )
    return accounts.show_secret(row, secret)


@endpoint("GET", "/api-keys/me", keys="any")
async def get_my_api_key(call: Call) -> Json:
    if call.actor.api_key_id is None:
        raise Forbidden("Not authenticated with an API Key")
    return await _show(call, call.actor.api_key_id)


@endpoint("GET", "/api-keys/{id}", permission="apiKey.read")
async def get_api_key(call: Call) -> Json:
    return await _show(call, call.ids["id"])


@endpoint(
    "PUT", "/api-keys/{id}", permission="apiKey.update", body=ApiKeyUpdate, aliases=("PATCH",)
)
async def update_api_key(call: Call) -> Json:
    name, permissions = call.body.name, call.body.permissions
    async with call.context.database.write() as tx:
        row = await sessions.update_api_key(
            tx,
            call.actor,
            call.ids["id"],
            name=None if name is UNSET else name,
            permissions=None if permissions is UNSET else permissions,
        )
    return accounts.show_api_key(row)


@endpoint("POST", "/api-keys/{id}/rotate", permission="apiKey.rotate", status=201)
async def rotate_api_key(call: Call) -> Json:
    secret = make_token()
    async with call.context.database.write() as tx:
        row = await sessions.rotate_api_key(tx, call.actor, call.ids["id"], hash_token(secret))
    return accounts.show_secret(row, secret)


@endpoint("DELETE", "/api-keys/{id}", permission="apiKey.delete")
async def delete_api_key(call: Call) -> None:
    async with call.context.database.write() as tx:
        await sessions.delete_api_key(tx, call.actor, call.ids["id"])


async def _show(call: Call, api_key_id: UUID) -> Json:
    async with call.context.database.read() as connection:
        row = await reads.api_keys.get_api_key(
            connection, api_key_id=api_key_id, user_id=call.actor.user_id
        )
    if row is None:
        raise Invalid("API Key not found")
    return accounts.show_api_key(row)
