"""People as Immich shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.wire import iso


def show_person(row: Mapping[str, Any]) -> dict[str, Any]:
    """PersonResponseDto, from a row of `person`; in JSON or not."""
    color = {} if row["color"] is None else {"color": row["color"]}
    return {
        "id": row["id"],
        "name": row["name"],
        "birthDate": None if row["birth_date"] is None else str(row["birth_date"]),
        "thumbnailPath": row["thumbnail_key"] or "",
        "isHidden": row["is_hidden"],
        "isFavorite": row["is_favorite"],
        "updatedAt": iso(row["updated_at"]),
        **color,
    }
