"""Albums, and what is said about them, as Immich shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.wire import iso, iso_or_none
from server.wire.accounts import show_user
from sql import reads
from sync.actor import Actor


def show_album(row: reads.albums.get_albums_row, viewer: Actor | None = None) -> dict[str, Any]:
    """AlbumResponseDto, from a row of `reads.albums.get_albums`. Who comes by a link learns whose
    album it is, not who else is in it."""
    members = row["members"][:1] if viewer and viewer.link else row["members"]
    spans = {
        "startDate": iso_or_none(row["start_date"]),
        "endDate": iso_or_none(row["end_date"]),
        "lastModifiedAssetTimestamp": iso_or_none(row["modified_at"]),
    }
    return {
        "id": row["id"],
        "albumName": row["name"],
        "description": row["description"],
        "albumThumbnailAssetId": row["thumbnail_asset_id"],
        "createdAt": iso(row["created_at"]),
        "updatedAt": iso(row["updated_at"]),
        "albumUsers": [{"user": show_user(user), "role": user["role"]} for user in members],
        "shared": len(row["members"]) > 1 or row["is_linked"],
        "hasSharedLink": row["is_linked"],
        "assetCount": row["asset_count"],
        "isActivityEnabled": row["is_activity_enabled"],
        "order": row["order"],
        **{name: moment for name, moment in spans.items() if moment},
    }


def show_marker(row: Mapping[str, Any]) -> dict[str, Any]:
    """MapMarkerResponseDto."""
    return {
        "id": row["id"],
        "lat": row["latitude"],
        "lon": row["longitude"],
        "city": row["city"],
        "state": row["state"],
        "country": row["country"],
    }


def show_activity(row: reads.activities.list_activities_row) -> dict[str, Any]:
    """ActivityResponseDto."""
    comment = {} if row["comment"] is None else {"comment": row["comment"]}
    return {
        "id": row["id"],
        "createdAt": iso(row["created_at"]),
        "type": "comment" if comment else "like",
        "user": show_user({**row, "id": row["user_id"]}),
        "assetId": row["asset_id"],
        **comment,
    }
