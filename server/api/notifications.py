"""/notifications, and what administrators send."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from server import letters, mail
from server.body import Body, Id, Moment
from server.bulk import Ids
from server.config_body import demand
from server.endpoint import Call, endpoint
from server.wire import Json
from server.wire.notifications import show_notification
from sql import reads
from sync.config import Smtp
from sync.errors import Invalid, NoAccess
from sync.operations import notifications
from sync.operations.notifications import Level, Type


class NotificationSearch(Body):
    id: Id | None = None
    level: Level | None = None
    type: Type | None = None
    unread: bool | None = None


class NotificationUpdate(Body):
    read_at: Moment | UnsetType | None = UNSET


class NotificationUpdateAll(NotificationUpdate, kw_only=True):
    ids: Ids


class NotificationDeleteAll(Body):
    ids: Ids


class NotificationCreate(Body, kw_only=True):
    user_id: Id
    title: Annotated[str, Meta(min_length=1)]
    type: Type = "Custom"
    level: Level = "info"
    description: str | None = None
    data: dict[str, Any] | None = None
    read_at: Moment | None = None


class Template(Body):
    template: str


@endpoint("GET", "/notifications", permission="notification.read", query=NotificationSearch)
async def get_notifications(call: Call) -> Json:
    asked = call.query
    async with call.context.database.read() as connection:
        rows = await reads.notifications.list_notifications(
            connection,
            user_id=call.actor.user_id,
            notification_id=asked.id,
            level=asked.level,
            type=asked.type,
            is_unread=asked.unread,
        )
    return [show_notification(row) for row in rows]


@endpoint("PUT", "/notifications", permission="notification.update", body=NotificationUpdateAll)
async def update_notifications(call: Call) -> None:
    await _mark(call, call.body.ids)


@endpoint("DELETE", "/notifications", permission="notification.delete", body=NotificationDeleteAll)
async def delete_notifications(call: Call) -> None:
    async with call.context.database.write() as tx:
        await notifications.delete_notifications(tx, call.actor, call.body.ids)


@endpoint("GET", "/notifications/{id}", permission="notification.read")
async def get_notification(call: Call) -> Json:
    return await _show(call, call.actor.user_id, call.ids["id"])


@endpoint("PUT", "/notifications/{id}", permission="notification.update", body=NotificationUpdate)
async def update_notification(call: Call) -> Json:
    await _mark(call, [call.ids["id"]])
    return await _show(call, call.actor.user_id, call.ids["id"])


@endpoint("DELETE", "/notifications/{id}", permission="notification.delete")
async def delete_notification(call: Call) -> None:
    async with call.context.database.write() as tx:
        await notifications.delete_notifications(tx, call.actor, [call.ids["id"]])


@endpoint("POST", "/admin/notifications", auth="admin", body=NotificationCreate, status=201)
async def create_notification(call: Call) -> Json:
    asked = call.body
    async with call.context.database.write() as tx:
        user = await reads.users.get_user(tx, user_id=asked.user_id)
        if user is None:
            raise Invalid("User not found")
        notification_id = await notifications.create_notification(
            tx,
            asked.user_id,
            asked.title,
            type=asked.type,
            level=asked.level,
            description=asked.description,
            data=asked.data,
            read_at=asked.read_at,
            by=call.actor.user_id,
        )
    return await _show(call, asked.user_id, notification_id)


@endpoint("POST", "/admin/notifications/templates/{name}", auth="admin", body=Template)
async def get_notification_template_admin(call: Call) -> Json:
    """How a template would look, with example values."""
    name = call.request.match_info["name"]
    if name not in letters.SAMPLES:
        return {"name": name, "html": ""}
    letter = mail.write(call.context.config, name, letters.SAMPLES[name], call.body.template)
    return {"name": name, "html": letter.html}


@endpoint("POST", "/admin/notifications/test-email", auth="admin", body=demand(Smtp))
async def send_test_email_admin(call: Call) -> Json:
    """Send one with settings that are not saved yet."""
    smtp = msgspec.convert(msgspec.to_builtins(call.body), Smtp)
    async with call.context.database.read() as connection:
        user = await reads.users.get_user(connection, user_id=call.actor.user_id)
    if user is None:
        raise NoAccess("user.read")
    letter = mail.write(call.context.config, "test", {"displayName": user["name"]})
    try:
        return {"messageId": await mail.send(smtp, user["email"], letter)}
    except mail.CannotSend as error:
        raise Invalid("Failed to verify SMTP configuration") from error


async def _mark(call: Call, ids: list[UUID]) -> None:
    read_at = call.body.read_at
    async with call.context.database.write() as tx:
        await notifications.mark_notifications(
            tx, call.actor, ids, None if read_at is UNSET else read_at
        )


async def _show(call: Call, user_id: UUID, notification_id: UUID) -> dict[str, Any]:
    async with call.context.database.read() as connection:
        rows = await reads.notifications.list_notifications(
            connection,
            user_id=user_id,
            notification_id=notification_id,
            level=None,
            type=None,
            is_unread=None,
        )
    if not rows:
        raise NoAccess("notification.read")
    return show_notification(rows[0])
