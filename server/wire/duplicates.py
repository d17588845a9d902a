"""Groups of duplicates as Immich shows them; pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID


def show_group(duplicate_id: UUID | None, assets: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """DuplicateResponseDto, from AssetResponseDto's with their exif, oldest first."""
    return {
        "duplicateId": duplicate_id,
        "assets": assets,
        "suggestedKeepAssetIds": [max(reversed(assets), key=_worth)["id"]] if assets else [],
    }


def _worth(asset: dict[str, Any]) -> tuple[int, int]:
    """The largest file is best, then that of which most is known."""
    exif = asset["exifInfo"]
    return exif["fileSizeInByte"] or 0, sum(bool(value) for value in exif.values())
