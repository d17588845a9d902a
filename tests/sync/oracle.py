"""What a user should see, asked of the entity tables directly: no log, no state, no projection."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sql import Connection

Shown = dict[str, dict[tuple[str, ...], Any]]


async def truth(connection: Connection, user_id: UUID) -> Shown:
    """The same shape as `Replica.dump`."""
    users = await _rows(connection, 'SELECT * FROM "user"')
    assets = await _rows(connection, "SELECT * FROM asset WHERE owner_id = %s", user_id)
    exifs = await _rows(
        connection,
        "SELECT e.*, a.file_bytes FROM asset_exif e JOIN asset a ON a.id = e.asset_id"
        " WHERE a.owner_id = %s",
        user_id,
    )
    of_user = await _rows(connection, "SELECT * FROM user_metadata WHERE user_id = %s", user_id)
    of_assets = await _rows(
        connection,
        "SELECT m.* FROM asset_metadata m JOIN asset a ON a.id = m.asset_id WHERE a.owner_id = %s",
        user_id,
    )
    return {
        "user": _by(("id",), map(_user, users)),
        "auth_user": _by(("id",), (_auth_user(row) for row in users if row["id"] == user_id)),
        "user_metadata": _by(("userId", "key"), (_metadata("user", row) for row in of_user)),
        "asset": _by(("id",), map(_asset, assets)),
        "exif": _by(("assetId",), map(_exif, exifs)),
        "asset_metadata": _by(("assetId", "key"), (_metadata("asset", row) for row in of_assets)),
    }


async def _rows(connection: Connection, query: str, *values: object) -> list[dict[str, Any]]:
    return await (await connection.execute(query.encode(), values)).fetchall()


def _by(keys: tuple[str, ...], lines: Any) -> dict[tuple[str, ...], Any]:
    return {tuple(line[key] for key in keys): line for line in lines}


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


def _metadata(owner: str, row: dict[str, Any]) -> dict[str, Any]:
    return {f"{owner}Id": str(row[f"{owner}_id"]), "key": row["key"], "value": row["value"]}


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
        "isFavorite": row["is_favorite"],
        "visibility": row["visibility"],
        "livePhotoVideoId": row["live_photo_video_id"] and str(row["live_photo_video_id"]),
        "stackId": row["stack_id"] and str(row["stack_id"]),
        "libraryId": row["library_id"] and str(row["library_id"]),
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


def _time(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def _base64(data: bytes | None) -> str | None:
    return None if data is None else b64encode(data).decode()
