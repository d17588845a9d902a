"""/server and /system-metadata: what this server is and offers."""

from __future__ import annotations

import asyncio
import shutil
from importlib.metadata import version

from server.body import Body
from server.endpoint import Call, endpoint
from server.wire import Json, releases, system
from sql import Connection, reads
from sync.operations.system import RELEASE, set_metadata

BUILD = f"Heliograph {version('heliograph')}"
NEVER_IMPORTED = {"lastImportFileName": None, "lastUpdate": None}


class AdminOnboardingUpdate(Body):
    is_onboarded: bool


@endpoint("GET", "/server/ping", auth="public")
async def ping_server(call: Call) -> Json:
    return {"res": "pong"}


@endpoint("GET", "/server/version", auth="public")
async def get_server_version(call: Call) -> Json:
    return system.show_version()


@endpoint("GET", "/server/version-history", auth="public")
async def get_version_history(call: Call) -> Json:
    async with call.context.database.read() as connection:
        rows = await reads.settings.list_versions(connection)
    return system.show_version_history(rows)


@endpoint("GET", "/server/features", auth="public")
async def get_server_features(call: Call) -> Json:
    return system.show_features(call.context.config)


@endpoint("GET", "/server/config", auth="public")
async def get_server_config(call: Call) -> Json:
    async with call.context.database.read() as connection:
        is_initialized = await reads.users.has_admin(connection)
        is_onboarded = await _is_onboarded(connection)
    return system.show_config(
        call.context.config, is_initialized=is_initialized, is_onboarded=is_onboarded
    )


@endpoint("GET", "/server/media-types", auth="public")
async def get_supported_media_types(call: Call) -> Json:
    return system.show_media_types()


@endpoint("GET", "/server/theme", auth="public")
async def get_theme(call: Call) -> Json:
    """Of the contract before 3.0; newer clients find it in the public config."""
    return {"customCss": call.context.config.theme.custom_css}


@endpoint("GET", "/server/about", permission="server.about")
async def get_about_info(call: Call) -> Json:
    async with call.context.database.read() as connection:
        license_ = await reads.settings.get_metadata(connection, key="license")
    return system.show_about(BUILD, is_licensed=license_ is not None)


@endpoint("GET", "/server/apk-links", permission="server.apkLinks")
async def get_apk_links(call: Call) -> Json:
    return system.show_apk_links()


@endpoint("GET", "/server/storage", permission="server.storage")
async def get_storage(call: Call) -> Json:
    disk = await asyncio.to_thread(shutil.disk_usage, call.context.root)
    return system.show_storage(disk.total, disk.used, disk.free)


@endpoint("GET", "/server/version-check", permission="server.versionCheck")
async def get_version_check(call: Call) -> Json:
    return await _show_version_check(call)


@endpoint("GET", "/server/statistics", auth="admin", permission="server.statistics")
async def get_server_statistics(call: Call) -> Json:
    async with call.context.database.read() as connection:
        rows = await reads.users.usage_by_user(connection)
    return system.show_statistics(rows)


@endpoint(
    "GET", "/system-metadata/admin-onboarding", auth="admin", permission="systemMetadata.read"
)
async def get_admin_onboarding(call: Call) -> Json:
    async with call.context.database.read() as connection:
        return {"isOnboarded": await _is_onboarded(connection)}


@endpoint(
    "POST",
    "/system-metadata/admin-onboarding",
    auth="admin",
    permission="systemMetadata.update",
    body=AdminOnboardingUpdate,
)
async def update_admin_onboarding(call: Call) -> None:
    onboarding = {"isOnboarded": call.body.is_onboarded}
    async with call.context.database.write() as tx:
        await set_metadata(tx, "admin-onboarding", onboarding, by=call.actor.user_id)


async def _is_onboarded(connection: Connection) -> bool:
    row = await reads.settings.get_metadata(connection, key="admin-onboarding")
    return bool(row and row["value"].get("isOnboarded"))


@endpoint(
    "GET", "/system-metadata/version-check-state", auth="admin", permission="systemMetadata.read"
)
async def get_version_check_state(call: Call) -> Json:
    return await _show_version_check(call)


async def _show_version_check(call: Call) -> Json:
    async with call.context.database.read() as connection:
        row = await reads.settings.get_metadata(connection, key=RELEASE)
    return row["value"] if row else releases.NEVER_CHECKED


@endpoint(
    "GET",
    "/system-metadata/reverse-geocoding-state",
    auth="admin",
    permission="systemMetadata.read",
)
async def get_reverse_geocoding_state(call: Call) -> Json:
    async with call.context.database.read() as connection:
        row = await reads.settings.get_metadata(connection, key="reverse-geocoding-state")
    return row["value"] if row else NEVER_IMPORTED
