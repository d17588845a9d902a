"""Tags as Immich shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.wire import iso


def show_tag(row: Mapping[str, Any]) -> dict[str, Any]:
    """TagResponseDto, from a row of `tag`; in JSON or not. What is not set is left out."""
    parent = {} if row["parent_id"] is None else {"parentId": row["parent_id"]}
    color = {} if row["color"] is None else {"color": row["color"]}
    return {
        "id": row["id"],
        "name": row["value"].rpartition("/")[2],
        "value": row["value"],
        "createdAt": iso(row["created_at"]),
        "updatedAt": iso(row["updated_at"]),
        **parent,
        **color,
    }
