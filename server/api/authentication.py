"""/auth: signing up, logging in and out."""

from __future__ import annotations

import logging
from typing import Annotated
from uuid import UUID

from aiohttp import web
from msgspec import Meta

from server import cookies, limits, logins
from server.api.oauth import logout_url
from server.authentication import check_password, hash_password
from server.body import Body, Email
from server.endpoint import Call, endpoint, json_response
from server.wire import Json, accounts, iso
from sql import Connection, reads
from sync.errors import Invalid, Unauthenticated
from sync.operations import sessions, users

logger = logging.getLogger(__name__)

LOGIN_PAGE = "/auth/login?autoLaunch=0"  # Where the web app goes after a logout.


class LoginCredential(Body):
    email: Email
    password: str


class SignUp(Body):
    email: Email
    password: str
    name: str


class ChangePassword(Body):
    password: str
    new_password: Annotated[str, Meta(min_length=8)]
    invalidate_sessions: bool = False  # They end in any case, as in Immich 3.1.


@endpoint("POST", "/auth/login", auth="public", body=LoginCredential, status=201)
async def login(call: Call) -> web.Response:
    database = call.context.database
    if not call.context.config.password_login.enabled:
        raise Unauthenticated("Password login has been disabled")
    email = call.body.email.lower()
    async with limits.guessing(database, limits.at_login(call.request, email)):
        async with database.read() as connection:
            user = await reads.users.find_login(connection, email=email)
        is_right = await check_password(call.body.password, user["password"] if user else None)
        if user is None or not is_right:
            logger.warning("login as %s failed, from %s", email, limits.address_of(call.request))
            raise Unauthenticated("Incorrect email or password")

    async with database.write() as tx:
        _, token = await logins.open_session(call, tx, user["id"])
    return await logins.answer_login(call, user["id"], token, "password")


@endpoint("POST", "/auth/admin-sign-up", auth="public", body=SignUp, status=201)
async def sign_up_admin(call: Call) -> Json:
    database = call.context.database
    async with database.read() as connection:
        if await reads.users.has_admin(connection):  # before the work of hashing
            raise Invalid("The server already has an admin")
    hashed = await hash_password(call.body.password)
    async with database.write() as tx:
        user_id = await users.sign_up_admin(
            tx, email=call.body.email, name=call.body.name, password_hash=hashed
        )
    async with database.read() as connection:
        return await _show_account(connection, user_id)


@endpoint("POST", "/auth/logout")
async def logout(call: Call) -> web.Response:
    leaves_to = await logout_url(call) or LOGIN_PAGE
    async with call.context.database.write() as tx:
        await sessions.log_out(tx, call.actor)
    response = json_response({"successful": True, "redirectUri": leaves_to})
    cookies.clear_login(response)
    return response


@endpoint("POST", "/auth/validateToken", keys="any")
async def validate_access_token(call: Call) -> Json:
    """Whoever gets this far is known."""
    return {"authStatus": True}


@endpoint("POST", "/auth/change-password", permission="auth.changePassword", body=ChangePassword)
async def change_password(call: Call) -> Json:
    database, user_id = call.context.database, call.actor.user_id
    async with limits.guessing(database, limits.at_secret(call.actor)):
        async with database.read() as connection:
            row = await reads.users.get_secrets(connection, user_id=user_id)
        if not await check_password(call.body.password, row["password"] if row else None):
            raise Invalid("Wrong password")
    hashed = await hash_password(call.body.new_password)
    async with database.write() as tx:
        await users.change_password(tx, call.actor, hashed)
    async with database.read() as connection:
        return await _show_account(connection, user_id)


@endpoint("GET", "/auth/status")
async def get_auth_status(call: Call) -> Json:
    actor = call.actor
    async with call.context.database.read() as connection:
        user = await reads.users.get_user(connection, user_id=actor.user_id)
        session = None
        if actor.session_id:
            session = await reads.sessions.get_session(
                connection, session_id=actor.session_id, user_id=actor.user_id
            )
    if user is None:
        raise Unauthenticated("Invalid user token")
    status: dict[str, object] = {
        "pinCode": user["has_pin_code"],
        "password": user["has_password"],
        "isElevated": actor.is_elevated,
    }
    if session and session["expires_at"]:
        status["expiresAt"] = iso(session["expires_at"])
    if session and session["pin_expires_at"]:
        status["pinExpiresAt"] = iso(session["pin_expires_at"])
    return status


async def _show_account(connection: Connection, user_id: UUID) -> Json:
    row = await reads.users.get_user(connection, user_id=user_id)
    if row is None:
        raise Invalid("User not found")
    return accounts.show_account(row)
