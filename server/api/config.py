"""/admin/config, /config, /public/config, /system-config: what is set, for who may know it."""

from __future__ import annotations

import msgspec

from server import mail, releases, timetable
from server.config_body import WHOLE
from server.endpoint import Answer, Call, endpoint
from server.wire import Json
from server.wire import config as wire
from storage import template
from sync import config, worker
from sync.config import Config, NewVersionCheck, Smtp
from sync.errors import Invalid
from sync.operations import system


@endpoint("GET", "/admin/config", auth="admin", permission="adminConfig.read")
async def get_admin_config(call: Call) -> Json:
    async with call.context.database.read() as connection:
        return wire.show_admin_config(await config.load(connection))


@endpoint("GET", "/admin/config/defaults", auth="admin", permission="adminConfig.read")
async def get_admin_config_defaults(call: Call) -> Json:
    return wire.show_admin_config(Config())


@endpoint("PUT", "/admin/config", auth="admin", permission="adminConfig.update", body=WHOLE)
async def update_admin_config(call: Call) -> Json:
    wanted = msgspec.convert(msgspec.to_builtins(call.body), Config)
    _try_template(wanted.storage_template.template)
    await _try_mail(wanted.notifications.smtp, call.context.config.notifications.smtp)
    _require_feed(call, wanted.new_version_check)
    is_asked_anew = wanted.new_version_check != call.context.config.new_version_check
    async with call.context.database.write() as tx:
        await system.replace_config(tx, call.actor, wanted)
    async with call.context.database.read() as connection:
        # The log tells every process; who asks this one next shall not find the old one in force.
        call.context.adopt(await config.load(connection))
    await worker.announce(call.context.database)
    if is_asked_anew:
        timetable.begin(call.request.app, releases.check)
    return wire.show_admin_config(call.context.config)


def _try_template(text: str) -> None:
    """It would name files. Raises Invalid."""
    try:
        template.Template(text)
    except template.BadTemplate as problem:
        raise Invalid(f"Invalid storage template: {problem}") from problem


def _require_feed(call: Call, wanted: NewVersionCheck) -> None:
    """Who is to look for newer releases knows where. Raises Invalid."""
    before = call.context.config.new_version_check
    if wanted != before and call.context.releases_url is None:
        name = "channel" if wanted.enabled == before.enabled else "enabled"
        raise Invalid(
            f"Changing newVersionCheck.{name} is not supported here: this server asks nobody for "
            f"newer releases unless it is started with {releases.VARIABLE}"
        )


async def _try_mail(wanted: Smtp, before: Smtp) -> None:
    """What is switched on works. Raises Invalid."""
    if wanted.enabled and wanted != before:
        try:
            await mail.verify(wanted)
        except mail.CannotSend as problem:
            raise Invalid(f"Invalid SMTP configuration: {problem}") from problem


@endpoint("GET", "/system-config", auth="admin", permission="systemConfig.read")
async def get_config(call: Call) -> Answer:
    return await get_admin_config(call)


@endpoint("GET", "/system-config/defaults", auth="admin", permission="systemConfig.read")
async def get_config_defaults(call: Call) -> Answer:
    return await get_admin_config_defaults(call)


@endpoint("PUT", "/system-config", auth="admin", permission="systemConfig.update", body=WHOLE)
async def update_config(call: Call) -> Answer:
    return await update_admin_config(call)


@endpoint(
    "GET",
    "/system-config/storage-template-options",
    auth="admin",
    permission="systemConfig.read",
)
async def get_storage_template_options(call: Call) -> Json:
    return wire.TEMPLATE_OPTIONS


@endpoint("GET", "/config", permission="userConfig.read")
async def get_user_config(call: Call) -> Json:
    return wire.show_user_config(call.context.config)


@endpoint("GET", "/config/defaults", permission="userConfig.read")
async def get_user_config_defaults(call: Call) -> Json:
    return wire.show_user_config(Config())


@endpoint("GET", "/public/config", auth="public")
async def get_public_config(call: Call) -> Json:
    return wire.show_public_config(call.context.config)


@endpoint("GET", "/public/config/defaults", auth="public")
async def get_public_config_defaults(call: Call) -> Json:
    return wire.show_public_config(Config())
