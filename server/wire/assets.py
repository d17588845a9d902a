"""Assets as Immich shows them."""

from __future__ import annotations

from typing import Any

from server.wire import Json, base64, iso, iso_or_none
from sql import reads
from storage import media_types


def show_asset(row: reads.assets.get_assets_row) -> dict[str, Any]:
    """AssetResponseDto, from a row of `reads.assets.get_assets`."""
    return {
        "id": row["id"],
        "createdAt": iso(row["created_at"]),
        "updatedAt": iso(row["updated_at"]),
        "ownerId": row["owner_id"],
        "libraryId": row["library_id"],
        "type": row["type"],
        "originalPath": row["original_key"],
        "originalFileName": row["original_file_name"],
        "originalMimeType": media_types.mime_type(row["original_file_name"]),
        "checksum": base64(row["checksum"]),
        "thumbhash": base64(row["thumbhash"]) if row["thumbhash"] else None,
        "width": row["width"],
        "height": row["height"],
        "duration": row["duration_ms"],
        "fileCreatedAt": iso(row["file_created_at"]),
        "fileModifiedAt": iso(row["file_modified_at"]),
        "localDateTime": iso(row["local_date_time"]),
        "isFavorite": row["is_favorite"],
        "isArchived": row["visibility"] == "archive",
        "isTrashed": row["deleted_at"] is not None,
        "isOffline": row["is_offline"],
        "isEdited": row["is_edited"],
        "visibility": row["visibility"],
        "hasMetadata": True,
        "livePhotoVideoId": row["live_photo_video_id"],
        "duplicateId": None,
        "stack": None,
        "people": [],
        "tags": [],
        "exifInfo": show_exif(row),
    }


def show_exif(row: reads.assets.get_assets_row) -> dict[str, Any]:
    """ExifResponseDto."""
    return {
        "make": row["make"],
        "model": row["model"],
        "exifImageWidth": row["exif_image_width"],
        "exifImageHeight": row["exif_image_height"],
        "fileSizeInByte": row["file_bytes"],
        "orientation": row["orientation"],
        "dateTimeOriginal": iso_or_none(row["date_time_original"]),
        "modifyDate": iso_or_none(row["modify_date"]),
        "timeZone": row["time_zone"],
        "lensModel": row["lens_model"],
        "fNumber": row["f_number"],
        "focalLength": row["focal_length"],
        "iso": row["iso"],
        "exposureTime": row["exposure_time"],
        "latitude": row["latitude"],
        "longitude": row["longitude"],
        "city": row["city"],
        "state": row["state"],
        "country": row["country"],
        "description": row["description"],
        "projectionType": row["projection_type"],
        "rating": row["rating"],
    }


def show_metadata(row: reads.assets.list_metadata_row) -> dict[str, Any]:
    """AssetMetadataResponseDto: what an app keeps with an asset."""
    return {"key": row["key"], "value": row["value"], "updatedAt": iso(row["updated_at"])}


def show_upload(asset_id: object, *, is_duplicate: bool) -> Json:
    """AssetMediaResponseDto."""
    return {"id": asset_id, "status": "duplicate" if is_duplicate else "created"}
