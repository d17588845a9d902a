"""Shared links as Immich shows them."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any

import msgspec

from server.wire import iso, iso_or_none
from sql import reads


def show_shared_link(
    row: reads.shared_links.get_links_row,
    *,
    assets: list[msgspec.Raw],
    album: dict[str, Any] | None,
) -> dict[str, Any]:
    """SharedLinkResponseDto. The password is in it, as the contract has it: who made the link may
    read it again, and who came by it has given it."""
    return {
        "id": row["id"],
        "userId": row["user_id"],
        "key": urlsafe_b64encode(row["key"]).rstrip(b"=").decode(),
        "slug": row["slug"],
        "type": "ALBUM" if row["album_id"] else "INDIVIDUAL",
        "description": row["description"],
        "password": row["password"],
        "expiresAt": iso_or_none(row["expires_at"]),
        "createdAt": iso(row["created_at"]),
        "allowUpload": row["is_upload_allowed"],
        "allowDownload": row["is_download_allowed"],
        "showMetadata": row["is_metadata_shown"],
        "assets": assets,
        **({"album": album} if album else {}),
    }
