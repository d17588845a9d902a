"""Notifications: what people are told beside the pictures themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec

from sql import Transaction, reads, writes
from sync import log
from sync.actor import Actor
from sync.errors import NoAccess

Level = Literal["success", "error", "warning", "info"]
Type = Literal[
    "JobFailed", "BackupFailed", "SystemMessage", "AlbumInvite", "AlbumUpdate",
    "ClusterGroupRequest", "Custom",
]  # fmt: skip

WELCOME_LASTS = timedelta(days=1)  # A password is not kept for longer than it may help.
NEWS_PAUSE = timedelta(minutes=5)  # Whoever adds a hundred pictures one by one is told of once.


async def create_notification(
    tx: Transaction,
    user_id: UUID,
    title: str,
    *,
    type: Type = "Custom",
    level: Level = "info",
    description: str | None = None,
    data: Mapping[str, Any] | None = None,
    read_at: datetime | None = None,
    by: UUID | None = None,
) -> UUID:
    """Tell a user something: in open apps, and by e-mail if they want that of its type. `by`: the
    administrator who says it, if one does."""
    row = await writes.notifications.insert_notification(
        tx,
        user_id=user_id,
        type=type,
        level=level,
        title=title,
        description=description,
        data=None if data is None else msgspec.json.encode(data).decode(),
        read_at=read_at,
    )
    told = {
        "id": str(row["id"]),
        "createdAt": row["created_at"],
        "type": type,
        "level": level,
        "title": title,
        "description": description,
        "data": data,
    }
    told = {name: value for name, value in told.items() if value is not None}
    await log.stage(tx, "notification.created", user_id, [row["id"]], notification=told, by=by)
    return row["id"]


async def tell_admins(tx: Transaction, title: str, *, type: Type, description: str) -> None:
    """Something went wrong that only they can mend."""
    for admin in await reads.notifications.list_admins(tx):
        await create_notification(
            tx, admin["id"], title, type=type, level="error", description=description
        )


async def request_welcome(tx: Transaction, user_id: UUID, password: str) -> None:
    """Have an e-mail tell somebody new how to log in. The log does not tell the password."""
    await writes.notifications.insert_welcome(tx, user_id=user_id, password=password)
    await log.stage(tx, "user.welcome_requested", user_id, [user_id])


async def forget_welcome(tx: Transaction, user_id: UUID) -> None:
    """They were told, or have another password by now."""
    await writes.notifications.delete_welcome(tx, user_id=user_id)


async def invite(tx: Transaction, album_id: UUID, name: str, user_ids: Sequence[UUID]) -> None:
    """They are in an album from now on."""
    for user_id in user_ids:
        await create_notification(
            tx,
            user_id,
            "Shared Album Invitation",
            type="AlbumInvite",
            level="success",
            description=f"You were added to the album {name}",
            data={"albumId": str(album_id)},
        )


async def note_news(tx: Transaction, actor: Actor, album_id: UUID) -> None:
    """The others in an album are to be told that it has more to show."""
    await writes.notifications.note_news(
        tx, album_id=album_id, actor_id=actor.user_id, pause=NEWS_PAUSE
    )


async def tell_news(tx: Transaction) -> int:
    """Tell what is due, a thousand at most; how many were told."""
    due = await writes.notifications.take_news(tx)
    for news in due:
        await create_notification(
            tx,
            news["user_id"],
            "Shared Album Update",
            type="AlbumUpdate",
            description=f"New media was added to the album {news['name']}",
            data={"albumId": str(news["album_id"])},
        )
    return len(due)


async def mark_notifications(
    tx: Transaction, actor: Actor, notification_ids: Sequence[UUID], read_at: datetime | None
) -> None:
    await _require(tx, actor, notification_ids, "notification.update")
    await writes.notifications.set_read(
        tx, notification_ids=list(notification_ids), read_at=read_at
    )
    await log.stage(tx, "notification.updated", actor.user_id, notification_ids)


async def delete_notifications(
    tx: Transaction, actor: Actor, notification_ids: Sequence[UUID]
) -> None:
    await _require(tx, actor, notification_ids, "notification.delete")
    await writes.notifications.delete_notifications(tx, notification_ids=list(notification_ids))
    await log.stage(tx, "notification.deleted", actor.user_id, notification_ids)


async def forget_old(tx: Transaction) -> int:
    """Those nobody looks at any more; how many there were. And what could not be sent in time."""
    await writes.notifications.delete_old_welcomes(tx, age=WELCOME_LASTS)
    return await writes.notifications.delete_old(tx)


async def _require(
    tx: Transaction, actor: Actor, notification_ids: Sequence[UUID], permission: str
) -> None:
    rows = await reads.notifications.list_owned(
        tx, notification_ids=list(notification_ids), user_id=actor.user_id
    )
    if len(rows) != len(set(notification_ids)):
        raise NoAccess(permission)
