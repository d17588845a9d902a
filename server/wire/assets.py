"""Assets as Immich shows them."""

from __future__ import annotations

from typing import Any

import msgspec

from server.wire import Json, iso
from server.wire.people import show_person
from server.wire.tags import show_tag
from sql import reads
from storage import media_types
from sync.actor import Actor

# What displaying a picture takes.
DISPLAYED = (
    "id", "ownerId", "type", "thumbhash", "localDateTime", "duration", "livePhotoVideoId", "width",
    "height", "isEdited",
)  # fmt: skip


def show_asset(row: reads.assets.show_assets_row, viewer: Actor | None = None) -> msgspec.Raw:
    """AssetResponseDto, from a row of `reads.assets.show_assets`, which is JSON for the most part.

    Through a link that shows no metadata, a picture says of itself only what displaying it takes.
    """
    mime_type = media_types.mime_type(row["file_name"])
    if viewer and viewer.link and not viewer.link.is_metadata_shown:
        bare = _strip(msgspec.json.decode(row["asset"])) | {"originalMimeType": mime_type}
        return msgspec.Raw(msgspec.json.encode(bare))
    people = _encode([show_person(person) for person in row["people"] or []])
    tags = _encode([show_tag(tag) for tag in row["tags"] or []])
    exif = f'"exifInfo":{row["exif"]},' if row["exif"] else ""
    more = f'{exif}"originalMimeType":"{mime_type}","people":{people},"tags":{tags}'
    return _with(row["asset"], more)


def add_owner(asset: msgspec.Raw, owner: dict[str, Any]) -> msgspec.Raw:
    """The same, and whose it is."""
    return _with(bytes(asset).decode(), f'"owner":{_encode(owner)}')


def _with(shown: str, members: str) -> msgspec.Raw:
    """An object in JSON with more members."""
    return msgspec.Raw(f"{shown[:-1]},{members}}}")


def _encode(value: Json) -> str:
    return msgspec.json.encode(value).decode()


def _strip(asset: dict[str, Any]) -> dict[str, Any]:
    """The contract requires the other fields: they say nothing."""
    day = asset["localDateTime"]
    return {name: asset[name] for name in DISPLAYED} | {
        "createdAt": day,
        "updatedAt": day,
        "originalPath": "",
        "originalFileName": "",
        "checksum": "",
        "fileCreatedAt": day,
        "fileModifiedAt": day,
        "isFavorite": False,
        "isArchived": False,
        "isTrashed": False,
        "isOffline": False,
        "visibility": "timeline",
        "hasMetadata": False,
    }


def show_text(row: reads.assets.list_texts_row) -> dict[str, Any]:
    """AssetOcrResponseDto; corners as parts of the picture's sides, from the top left."""
    names = ("x1", "y1", "x2", "y2", "x3", "y3", "x4", "y4")
    return {
        "id": row["id"],
        "assetId": row["asset_id"],
        **dict(zip(names, row["corners"], strict=True)),
        "boxScore": row["box_score"],
        "textScore": row["text_score"],
        "text": row["text"],
    }


def show_file(row: reads.assets.find_file_row) -> dict[str, Any]:
    """AssetFileResponseDto."""
    return {
        "id": row["id"],
        "type": row["type"],
        "path": row["key"],
        "isEdited": row["is_edited"],
        "isProgressive": row["is_progressive"],
        "isTransparent": row["is_transparent"],
        "createdAt": iso(row["created_at"]),
        "updatedAt": iso(row["updated_at"]),
    }


def show_metadata(row: reads.assets.list_metadata_row) -> dict[str, Any]:
    """AssetMetadataResponseDto: what an app keeps with an asset."""
    return {"key": row["key"], "value": row["value"], "updatedAt": iso(row["updated_at"])}


def show_upload(asset_id: object, *, is_duplicate: bool) -> Json:
    """AssetMediaResponseDto."""
    return {"id": asset_id, "status": "duplicate" if is_duplicate else "created"}
