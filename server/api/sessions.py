"""/sessions: where a user is logged in."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType, field

from server.authentication import hash_token, make_token
from server.body import Body
from server.endpoint import Call, endpoint
from server.wire import Json, accounts
from sql import reads
from sync.errors import Invalid, NoAccess
from sync.operations import sessions

INTEGER_MAX = 2**53 - 1
DURATION_MAX = timedelta(days=365_000)  # No date of a calendar is further away.


class SessionCreate(Body):
    duration: Annotated[int, Meta(ge=1, le=INTEGER_MAX)] | UnsetType = UNSET  # seconds
    device_type: str = ""
    device_os: str = field(default="", name="deviceOS")


class SessionUpdate(Body):
    is_pending_sync_reset: bool | UnsetType = UNSET


@endpoint("GET", "/sessions", permission="session.read")
async def get_sessions(call: Call) -> Json:
    async with call.context.database.read() as connection:
        rows = await reads.sessions.list_sessions(connection, user_id=call.actor.user_id)
    return [accounts.show_session(row, call.actor.session_id) for row in rows]


@endpoint("POST", "/sessions", permission="session.create", body=SessionCreate, status=201)
async def create_session(call: Call) -> Json:
    """A session for another device, which ends with this one."""
    if call.actor.session_id is None:
        raise Invalid("This endpoint can only be used with a session token")
    seconds, token = call.body.duration, make_token()
    async with call.context.database.write() as tx:
        session_id = await sessions.create_session(
            tx,
            call.actor.user_id,
            hash_token(token),
            parent_id=call.actor.session_id,
            device_type=call.body.device_type,
            device_os=call.body.device_os,
            duration=None if seconds is UNSET else _span(seconds),
        )
    return {**await _show(call, session_id), "token": token}


@endpoint(
    "PUT", "/sessions/{id}", permission="session.update", body=SessionUpdate, aliases=("PATCH",)
)
async def update_session(call: Call) -> Json:
    if call.body.is_pending_sync_reset is UNSET:
        await _show(call, call.ids["id"])
        raise Invalid("No fields to update")
    async with call.context.database.write() as tx:
        await sessions.set_pending_reset(
            tx, call.actor, call.ids["id"], is_pending=call.body.is_pending_sync_reset
        )
    return await _show(call, call.ids["id"])


@endpoint("POST", "/sessions/{id}/lock", permission="session.lock")
async def lock_session(call: Call) -> None:
    async with call.context.database.write() as tx:
        await sessions.lock_session(tx, call.actor, call.ids["id"])


@endpoint("DELETE", "/sessions/{id}", permission="session.delete")
async def delete_session(call: Call) -> None:
    async with call.context.database.write() as tx:
        await sessions.delete_session(tx, call.actor, call.ids["id"])


@endpoint("DELETE", "/sessions", permission="session.delete")
async def delete_all_sessions(call: Call) -> None:
    """All but the one that asks."""
    async with call.context.database.write() as tx:
        await sessions.delete_other_sessions(tx, call.actor)


def _span(seconds: int) -> timedelta:
    return timedelta(seconds=min(seconds, int(DURATION_MAX.total_seconds())))


async def _show(call: Call, session_id: UUID) -> dict[str, object]:
    async with call.context.database.read() as connection:
        row = await reads.sessions.get_session(
            connection, session_id=session_id, user_id=call.actor.user_id
        )
    if row is None:
        raise NoAccess("session.update")
    return accounts.show_session(row, call.actor.session_id)
