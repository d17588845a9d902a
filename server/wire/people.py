"""People, and their faces, as Immich shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.wire import iso
from sql import reads
from sync.operations.people import Box


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


def show_face(row: reads.people.list_seen_row, box: Box) -> dict[str, Any]:
    """AssetFaceResponseDto, of a face that is shown there."""
    return {
        "id": row["id"],
        "imageWidth": box.image_width,
        "imageHeight": box.image_height,
        "boundingBoxX1": box.x1,
        "boundingBoxY1": box.y1,
        "boundingBoxX2": box.x2,
        "boundingBoxY2": box.y2,
        "sourceType": row["source_type"],
        "person": show_person(row["person"]) if row["person"] else None,
    }
