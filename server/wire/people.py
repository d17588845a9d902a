"""People, and their faces, as Immich shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.wire import iso
from sql import reads


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


def show_people(row: reads.people.list_people_row, *, size: int) -> dict[str, Any]:
    """PeopleResponseDto: a page of that size, of which one more was asked for."""
    return {
        "people": [show_person(person) for person in row["people"][:size]],
        "total": row["total"],
        "hidden": row["hidden"],
        "hasNextPage": len(row["people"]) > size,
    }


def show_face(row: reads.people.list_seen_row) -> dict[str, Any]:
    """AssetFaceResponseDto."""
    return {
        "id": row["id"],
        "imageWidth": row["image_width"],
        "imageHeight": row["image_height"],
        "boundingBoxX1": row["x1"],
        "boundingBoxY1": row["y1"],
        "boundingBoxX2": row["x2"],
        "boundingBoxY2": row["y2"],
        "sourceType": row["source_type"],
        "person": show_person(row["person"]) if row["person"] else None,
    }
