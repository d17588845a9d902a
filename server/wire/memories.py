"""Memories as Immich shows them; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from server.wire import iso


def show_memory(row: Mapping[str, Any], assets: Mapping[UUID, msgspec.Raw]) -> dict[str, Any]:
    """MemoryResponseDto, from a row of `reads.memories`. What is not set is left out."""
    optional = {
        "deletedAt": row["deleted_at"],
        "seenAt": row["seen_at"],
        "showAt": row["show_at"],
        "hideAt": row["hide_at"],
    }
    return {
        "id": row["id"],
        "ownerId": row["owner_id"],
        "type": row["type"],
        "data": row["data"],
        "isSaved": row["is_saved"],
        "memoryAt": iso(row["memory_at"]),
        "createdAt": iso(row["created_at"]),
        "updatedAt": iso(row["updated_at"]),
        "assets": [assets[id_] for id_ in row["asset_ids"] if id_ in assets],
        **{name: iso(moment) for name, moment in optional.items() if moment is not None},
    }
