"""Notifications as Immich shows them."""

from __future__ import annotations

from typing import Any

from server.wire import iso
from sql import reads


def show_notification(row: reads.notifications.list_notifications_row) -> dict[str, Any]:
    """NotificationDto. What is not set is left out."""
    more = {
        "description": row["description"],
        "data": row["data"],
        "readAt": iso(row["read_at"]) if row["read_at"] else None,
    }
    return {
        "id": row["id"],
        "createdAt": iso(row["created_at"]),
        "type": row["type"],
        "level": row["level"],
        "title": row["title"],
        **{name: value for name, value in more.items() if value is not None},
    }
