"""What a user should see, asked of the entity tables directly: no log, no state, no projection."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sql import Connection
from tests.sync.app import TABLES
from tests.sync.replica import Shown

VISIBLE = """
WITH mine AS (
    SELECT album_id FROM album_user WHERE user_id = %(user_id)s
), visible AS (
    SELECT asset.* FROM asset
     WHERE owner_id = %(user_id)s
        OR (visibility <> 'locked' AND id IN (
                SELECT asset_id FROM album_asset WHERE album_id IN (SELECT album_id FROM mine)))
        OR (visibility IN ('timeline', 'hidden') AND owner_id IN (
                SELECT shared_by_id FROM partner WHERE shared_with_id = %(user_id)s))
), own AS (
    SELECT id FROM asset WHERE owner_id = %(user_id)s
)
"""
# Table of the app → what is in it.
QUERIES = {
    "user": 'SELECT * FROM "user"',
    "auth_user": 'SELECT * FROM "user" WHERE id = %(user_id)s',
    "user_metadata": "SELECT * FROM user_metadata WHERE user_id = %(user_id)s",
    "partner": """SELECT * FROM partner
        WHERE shared_by_id = %(user_id)s OR shared_with_id = %(user_id)s""",
    "asset": "SELECT visible.*, is_favorite AND owner_id = %(user_id)s AS is_liked FROM visible",
    "exif": "SELECT e.*, v.file_bytes FROM asset_exif e JOIN visible v ON v.id = e.asset_id",
    "asset_metadata": "SELECT * FROM asset_metadata WHERE asset_id IN (SELECT id FROM own)",
    "edit": "SELECT * FROM asset_edit WHERE asset_id IN (SELECT id FROM own)",
    "ocr": "SELECT * FROM asset_ocr WHERE asset_id IN (SELECT id FROM own)",
    "person": "SELECT * FROM person WHERE owner_id = %(user_id)s",
    "face": "SELECT * FROM asset_face WHERE asset_id IN (SELECT id FROM own)",
    "stack": """SELECT stack.* FROM stack JOIN asset AS first ON first.id = primary_asset_id
        WHERE stack.owner_id = %(user_id)s
           OR (first.visibility IN ('timeline', 'hidden') AND stack.owner_id IN (
                   SELECT shared_by_id FROM partner WHERE shared_with_id = %(user_id)s))""",
    "memory": "SELECT * FROM memory WHERE owner_id = %(user_id)s",
    "memory_asset": """SELECT * FROM memory_asset
        WHERE memory_id IN (SELECT id FROM memory WHERE owner_id = %(user_id)s)""",
    "album": "SELECT * FROM album WHERE id IN (SELECT album_id FROM mine)",
    "album_user": "SELECT * FROM album_user WHERE album_id IN (SELECT album_id FROM mine)",
    "album_asset": "SELECT * FROM album_asset WHERE album_id IN (SELECT album_id FROM mine)",
}


async def truth(connection: Connection, user_id: UUID) -> Shown:
    """The same shape as `Replica.dump`."""
    shown: Shown = {}
    for table, query in QUERIES.items():
        values = {"user_id": user_id}
        rows = await (await connection.execute((VISIBLE + query).encode(), values)).fetchall()
        lines = map(LINES[table], rows)
        keys, _ = TABLES[table]
        shown[table] = {tuple(line[key] for key in keys): line for line in lines}
    return shown


def _user(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "name": row["name"],
        "email": row["email"],
        "avatarColor": row["avatar_color"],
        "deletedAt": _time(row["deleted_at"]),
        "hasProfileImage": row["profile_image_key"] is not None,
        "profileChangedAt": _time(row["profile_changed_at"]),
    }


def _auth_user(row: dict[str, Any]) -> dict[str, Any]:
    return _user(row) | {
        "isAdmin": row["is_admin"],
        "pinCode": "set" if row["pin_code"] else None,
        "oauthId": row["oauth_id"],
        "storageLabel": row["storage_label"],
        "quotaSizeInBytes": row["quota_bytes"],
        "quotaUsageInBytes": row["usage_bytes"],
    }


def _user_metadata(row: dict[str, Any]) -> dict[str, Any]:
    return {"userId": str(row["user_id"]), "key": row["key"], "value": row["value"]}


def _asset_metadata(row: dict[str, Any]) -> dict[str, Any]:
    return {"assetId": str(row["asset_id"]), "key": row["key"], "value": row["value"]}


def _asset(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "ownerId": str(row["owner_id"]),
        "originalFileName": row["original_file_name"],
        "thumbhash": _base64(row["thumbhash"]),
        "checksum": _base64(row["checksum"]),
        "fileCreatedAt": _time(row["file_created_at"]),
        "fileModifiedAt": _time(row["file_modified_at"]),
        "createdAt": _time(row["created_at"]),
        "localDateTime": _time(row["local_date_time"].replace(tzinfo=UTC)),
        "duration": row["duration_ms"],
        "type": row["type"],
        "deletedAt": _time(row["deleted_at"]),
        "isFavorite": row["is_liked"],
        "visibility": row["visibility"],
        "livePhotoVideoId": _id(row["live_photo_video_id"]),
        "stackId": _id(row["stack_id"]),
        "libraryId": _id(row["library_id"]),
        "width": row["width"],
        "height": row["height"],
        "isEdited": row["is_edited"],
    }


# Line field → column, where the value passes as it is.
EXIF = {
    "description": "description",
    "exifImageWidth": "exif_image_width",
    "exifImageHeight": "exif_image_height",
    "fileSizeInByte": "file_bytes",
    "orientation": "orientation",
    "timeZone": "time_zone",
    "latitude": "latitude",
    "longitude": "longitude",
    "projectionType": "projection_type",
    "city": "city",
    "state": "state",
    "country": "country",
    "make": "make",
    "model": "model",
    "lensModel": "lens_model",
    "fNumber": "f_number",
    "focalLength": "focal_length",
    "iso": "iso",
    "exposureTime": "exposure_time",
    "profileDescription": "profile_description",
    "rating": "rating",
    "fps": "fps",
}


def _exif(row: dict[str, Any]) -> dict[str, Any]:
    return {field: row[column] for field, column in EXIF.items()} | {
        "assetId": str(row["asset_id"]),
        "dateTimeOriginal": _time(row["date_time_original"]),
        "modifyDate": _time(row["modify_date"]),
    }


def _partner(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "sharedById": str(row["shared_by_id"]),
        "sharedWithId": str(row["shared_with_id"]),
        "inTimeline": row["in_timeline"],
    }


def _edit(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "assetId": str(row["asset_id"]),
        "action": row["action"],
        "parameters": row["parameters"],
        "sequence": row["sequence"],
    }


def _ocr(row: dict[str, Any]) -> dict[str, Any]:
    names = [f"{axis}{corner}" for corner in (1, 2, 3, 4) for axis in "xy"]
    return dict(zip(names, row["corners"], strict=True)) | {
        "id": str(row["id"]),
        "assetId": str(row["asset_id"]),
        "boxScore": row["box_score"],
        "textScore": row["text_score"],
        "text": row["text"],
        "isVisible": row["is_visible"],
    }


def _dated(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "createdAt": _time(row["created_at"]),
        "updatedAt": _time(row["updated_at"]),
    }


def _person(row: dict[str, Any]) -> dict[str, Any]:
    born = row["birth_date"]
    return _dated(row) | {
        "ownerId": str(row["owner_id"]),
        "name": row["name"],
        "birthDate": born and f"{born}T00:00:00.000Z",
        "isHidden": row["is_hidden"],
        "isFavorite": row["is_favorite"],
        "color": row["color"],
        "faceAssetId": _id(row["face_id"]),
    }


def _face(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "assetId": str(row["asset_id"]),
        "personId": _id(row["person_id"]),
        "imageWidth": row["image_width"],
        "imageHeight": row["image_height"],
        "boundingBoxX1": row["x1"],
        "boundingBoxY1": row["y1"],
        "boundingBoxX2": row["x2"],
        "boundingBoxY2": row["y2"],
        "sourceType": row["source_type"],
        "deletedAt": _time(row["deleted_at"]),
        "isVisible": row["is_visible"],
    }


def _stack(row: dict[str, Any]) -> dict[str, Any]:
    return _dated(row) | {
        "primaryAssetId": str(row["primary_asset_id"]),
        "ownerId": str(row["owner_id"]),
    }


def _memory(row: dict[str, Any]) -> dict[str, Any]:
    return _dated(row) | {
        "deletedAt": _time(row["deleted_at"]),
        "ownerId": str(row["owner_id"]),
        "type": row["type"],
        "data": row["data"],
        "isSaved": row["is_saved"],
        "memoryAt": _time(row["memory_at"]),
        "seenAt": _time(row["seen_at"]),
        "showAt": _time(row["show_at"]),
        "hideAt": _time(row["hide_at"]),
    }


def _memory_asset(row: dict[str, Any]) -> dict[str, Any]:
    return {"memoryId": str(row["memory_id"]), "assetId": str(row["asset_id"])}


def _album(row: dict[str, Any]) -> dict[str, Any]:
    return _dated(row) | {
        "name": row["name"],
        "description": row["description"],
        "thumbnailAssetId": _id(row["thumbnail_asset_id"]),
        "isActivityEnabled": row["is_activity_enabled"],
        "order": row["order"],
    }


def _album_user(row: dict[str, Any]) -> dict[str, Any]:
    return {"albumId": str(row["album_id"]), "userId": str(row["user_id"]), "role": row["role"]}


def _album_asset(row: dict[str, Any]) -> dict[str, Any]:
    return {"albumId": str(row["album_id"]), "assetId": str(row["asset_id"])}


LINES = {
    "user": _user,
    "auth_user": _auth_user,
    "user_metadata": _user_metadata,
    "partner": _partner,
    "asset": _asset,
    "exif": _exif,
    "asset_metadata": _asset_metadata,
    "edit": _edit,
    "ocr": _ocr,
    "person": _person,
    "face": _face,
    "stack": _stack,
    "memory": _memory,
    "memory_asset": _memory_asset,
    "album": _album,
    "album_user": _album_user,
    "album_asset": _album_asset,
}


def _id(value: UUID | None) -> str | None:
    return value and str(value)


def _time(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def _base64(data: bytes | None) -> str | None:
    return None if data is None else b64encode(data).decode()
