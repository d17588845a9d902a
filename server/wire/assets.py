"""Assets as Immich shows them."""

from __future__ import annotations

from typing import Any

from server.wire import Json, base64, iso, iso_or_none
from server.wire.people import show_person
from server.wire.tags import show_tag
from sql import reads
from storage import media_types
from sync.actor import Actor


def show_asset(
    row: reads.assets.get_assets_row, viewer: Actor | None = None, *, with_exif: bool = True
) -> dict[str, Any]:
    """AssetResponseDto, from a row of `reads.assets.get_assets`.

    What is between an owner and their library others do not see: favourites, tags, people. Through
    a link that shows no metadata, a picture says of itself only what displaying it takes.
    `viewer` None: the owner.
    """
    if viewer and viewer.link and not viewer.link.is_metadata_shown:
        return _strip(row)
    is_own = viewer is None or (viewer.user_id == row["owner_id"] and not viewer.link)
    return {
        **_show_core(row),
        "createdAt": iso(row["created_at"]),
        "updatedAt": iso(row["updated_at"]),
        "libraryId": row["library_id"],
        "originalPath": row["original_key"],
        "originalFileName": row["original_file_name"],
        "checksum": base64(row["checksum"]),
        "fileCreatedAt": iso(row["file_created_at"]),
        "fileModifiedAt": iso(row["file_modified_at"]),
        "isFavorite": is_own and row["is_favorite"],
        "isArchived": row["visibility"] == "archive",
        "isTrashed": row["deleted_at"] is not None,
        "isOffline": row["is_offline"],
        "isEdited": row["is_edited"],
        "visibility": row["visibility"],
        "hasMetadata": True,
        "duplicateId": row["duplicate_id"] if is_own else None,
        "stack": _show_stack(row),
        "people": [show_person(person) for person in row["people"] or []] if is_own else [],
        "tags": [show_tag(tag) for tag in row["tags"] or []] if is_own else [],
        **({"exifInfo": show_exif(row)} if with_exif else {}),
    }


def _show_core(row: reads.assets.get_assets_row) -> dict[str, Any]:
    """What displaying it takes."""
    return {
        "id": row["id"],
        "ownerId": row["owner_id"],
        "type": row["type"],
        "originalMimeType": media_types.mime_type(row["original_file_name"]),
        "thumbhash": base64(row["thumbhash"]) if row["thumbhash"] else None,
        "localDateTime": iso(row["local_date_time"]),
        "duration": row["duration_ms"],
        "livePhotoVideoId": row["live_photo_video_id"],
        "width": row["width"],
        "height": row["height"],
    }


def _strip(row: reads.assets.get_assets_row) -> dict[str, Any]:
    """The contract requires the other fields: they say nothing."""
    day = iso(row["local_date_time"])
    return {
        **_show_core(row),
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
        "isEdited": row["is_edited"],
        "visibility": "timeline",
        "hasMetadata": False,
    }


def _show_stack(row: reads.assets.get_assets_row) -> dict[str, Any] | None:
    """AssetStackResponseDto."""
    if row["stack_id"] is None:
        return None
    return {
        "id": row["stack_id"],
        "primaryAssetId": row["stack_primary_asset_id"],
        "assetCount": row["stack_asset_count"],
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
