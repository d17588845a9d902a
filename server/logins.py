"""What follows when somebody is let in, in whichever way: a session, cookies and an answer."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from server import cookies, devices
from server.authentication import hash_token, make_token
from server.cookies import AuthType
from server.endpoint import Call, json_response
from server.wire import accounts
from sql import Transaction, reads
from sync.errors import Unauthenticated
from sync.operations import sessions


async def open_session(call: Call, tx: Transaction, user_id: UUID) -> tuple[UUID, str]:
    """A session of the device that asks: its id and its token."""
    token, device = make_token(), devices.describe(call.request)
    session_id = await sessions.create_session(
        tx,
        user_id,
        hash_token(token),
        device_type=device.type,
        device_os=device.os,
        app_version=device.app_version,
    )
    return session_id, token


async def answer_login(call: Call, user_id: UUID, token: str, auth_type: AuthType) -> web.Response:
    async with call.context.database.read() as connection:
        user = await reads.users.get_user(connection, user_id=user_id)
        onboarding = await reads.users.get_metadata(connection, user_id=user_id, key="onboarding")
    if user is None:  # deleted meanwhile
        raise Unauthenticated("Invalid user token")
    is_onboarded = bool(onboarding and onboarding["value"].get("isOnboarded"))
    answer = accounts.show_login(user, token, is_onboarded=is_onboarded)
    response = json_response(answer, status=201)
    cookies.set_login(call.request, response, token, auth_type)
    return response
