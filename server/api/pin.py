"""/auth/pin-code and /auth/session: the code that opens the locked folder."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from server import limits
from server.authentication import check_password, hash_password
from server.body import Body
from server.endpoint import Call, endpoint
from sql import reads
from sync.errors import Invalid
from sync.operations import sessions, users

PinCode = Annotated[str, Meta(pattern=r"^[0-9]{6}\Z")]


class PinCodeSetup(Body):
    pin_code: PinCode


class PinCodeReset(Body):
    """Either; the password counts where both are given."""

    pin_code: PinCode | UnsetType = UNSET
    password: str | UnsetType = UNSET


class PinCodeChange(PinCodeReset, kw_only=True):
    new_pin_code: PinCode


@endpoint("POST", "/auth/pin-code", permission="pinCode.create", body=PinCodeSetup)
async def setup_pin_code(call: Call) -> None:
    hashed = await hash_password(call.body.pin_code)
    async with call.context.database.write() as tx:
        await users.create_pin_code(tx, call.actor, hashed)


@endpoint("PUT", "/auth/pin-code", permission="pinCode.update", body=PinCodeChange)
async def change_pin_code(call: Call) -> None:
    await _require_secret(call, call.body.pin_code or None, call.body.password or None)
    hashed = await hash_password(call.body.new_pin_code)
    async with call.context.database.write() as tx:
        await users.change_pin_code(tx, call.actor, hashed)


@endpoint("DELETE", "/auth/pin-code", permission="pinCode.delete", body=PinCodeReset)
async def reset_pin_code(call: Call) -> None:
    await _require_secret(call, call.body.pin_code or None, call.body.password or None)
    async with call.context.database.write() as tx:
        await users.change_pin_code(tx, call.actor, None)


@endpoint("POST", "/auth/session/unlock", body=PinCodeReset)
async def unlock_auth_session(call: Call) -> None:
    """Only the PIN code opens it: the password is what the app may have kept."""
    _require_session(call)
    await _require_secret(call, call.body.pin_code or None, None)
    async with call.context.database.write() as tx:
        await sessions.unlock_session(tx, call.actor)


@endpoint("POST", "/auth/session/lock")
async def lock_auth_session(call: Call) -> None:
    session_id = _require_session(call)
    async with call.context.database.write() as tx:
        await sessions.lock_session(tx, call.actor, session_id)


def _require_session(call: Call) -> UUID:
    if call.actor.session_id is None:
        raise Invalid("This endpoint can only be used with a session token")
    return call.actor.session_id


async def _require_secret(call: Call, pin_code: str | None, password: str | None) -> None:
    """They know the PIN code, or the password if that is what they give. Raises Invalid."""
    database, user_id = call.context.database, call.actor.user_id
    async with database.read() as connection:
        row = await reads.users.get_secrets(connection, user_id=user_id)
    if row is None or row["pin_code"] is None:
        raise Invalid("User does not have a PIN code")
    given, hashed = (password, row["password"]) if password else (pin_code, row["pin_code"])
    if not given:
        raise Invalid("Either password or pinCode is required")
    async with limits.guessing(database, limits.at_secret(call.actor)):
        if not await check_password(given, hashed):
            raise Invalid("Wrong password" if password else "Wrong PIN code")
