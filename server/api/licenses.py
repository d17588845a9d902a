"""/users/me/license and /server/license: keys that somebody bought from Immich.

Nothing is sold here and nothing is locked, so a key opens nothing; it is kept because the apps
show their thanks for it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from msgspec import Meta

from server.body import Body
from server.endpoint import Call, endpoint
from server.wire import Json, iso
from sql import reads
from sync.errors import Invalid, Missing
from sync.operations import licenses, users

KEY = "license"
LicenseCode = Annotated[str, Meta(pattern=r"^IM(SV|CL)(-[0-9A-Za-z]{4}){8}\Z")]


class LicenseKey(Body):
    license_key: LicenseCode
    activation_key: str


@endpoint("GET", "/users/me/license", permission="userLicense.read")
async def get_user_license(call: Call) -> Json:
    async with call.context.database.read() as connection:
        row = await reads.users.get_metadata(connection, user_id=call.actor.user_id, key=KEY)
    return _show(row["value"] if row else None)


@endpoint("PUT", "/users/me/license", permission="userLicense.update", body=LicenseKey)
async def set_user_license(call: Call) -> Json:
    license_ = _read(call.body)
    async with call.context.database.write() as tx:
        await users.set_metadata(tx, call.actor.user_id, KEY, license_)
    return license_


@endpoint("DELETE", "/users/me/license", permission="userLicense.delete")
async def delete_user_license(call: Call) -> None:
    async with call.context.database.write() as tx:
        await users.delete_metadata(tx, call.actor.user_id, KEY)


@endpoint("GET", "/server/license", auth="admin", permission="serverLicense.read")
async def get_server_license(call: Call) -> Json:
    async with call.context.database.read() as connection:
        row = await reads.settings.get_metadata(connection, key=KEY)
    return _show(row["value"] if row else None)


@endpoint(
    "PUT", "/server/license", auth="admin", permission="serverLicense.update", body=LicenseKey
)
async def set_server_license(call: Call) -> Json:
    if not call.body.license_key.startswith("IMSV-"):
        raise Invalid("Invalid license key")
    license_ = _read(call.body)
    async with call.context.database.write() as tx:
        await licenses.set_server_license(tx, call.actor, license_)
    return license_


@endpoint("DELETE", "/server/license", auth="admin", permission="serverLicense.delete")
async def delete_server_license(call: Call) -> None:
    async with call.context.database.write() as tx:
        await licenses.delete_server_license(tx, call.actor)


def _read(body: LicenseKey) -> dict[str, Any]:
    """As it is kept, mirrored and shown."""
    return {
        "licenseKey": body.license_key,
        "activationKey": body.activation_key,
        "activatedAt": iso(datetime.now(UTC)),
    }


def _show(license_: dict[str, Any] | None) -> dict[str, Any]:
    if license_ is None:
        raise Missing("Not Found")
    return license_
