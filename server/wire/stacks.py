"""Stacks as Immich shows them; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec


def show_stack(row: Mapping[str, Any], assets: Mapping[UUID, msgspec.Raw]) -> dict[str, Any]:
    """StackResponseDto, from a row of `reads.stacks`; what is gone meanwhile is left out."""
    return {
        "id": row["id"],
        "primaryAssetId": row["primary_asset_id"],
        "assets": [assets[id_] for id_ in row["asset_ids"] if id_ in assets],
    }
