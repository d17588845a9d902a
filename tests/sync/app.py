"""The app's own database, as sync.md tells of it: tables, what each type of line does, fields."""

from __future__ import annotations

from typing import Any

# What the app asks for, in its order.
_REQUESTS = """
AuthUsersV1 UsersV1 AssetsV2 AssetExifsV1 AssetEditsV1 AssetMetadataV1 PartnersV1 PartnerAssetsV2
PartnerAssetExifsV1 AlbumsV2 AlbumUsersV1 AlbumAssetsV2 AlbumAssetExifsV1 AlbumToAssetsV1 MemoriesV1
MemoryToAssetsV1 StacksV1 PartnerStacksV1 UserMetadataV1 PeopleV1 AssetFacesV2 AssetOcrV1
"""
REQUESTS = _REQUESTS.split()

# The parents are as in the app; but nothing may hide behind the end of a user.
SCHEMA = """
PRAGMA foreign_keys = ON;
CREATE TABLE user (id PRIMARY KEY, data NOT NULL);
CREATE TABLE auth_user (id PRIMARY KEY, data NOT NULL);
CREATE TABLE user_metadata (
    userId NOT NULL REFERENCES user, key NOT NULL, data NOT NULL, PRIMARY KEY (userId, key));
CREATE TABLE partner (
    sharedById NOT NULL REFERENCES user, sharedWithId NOT NULL REFERENCES user, data NOT NULL,
    PRIMARY KEY (sharedById, sharedWithId));
CREATE TABLE asset (
    id PRIMARY KEY, ownerId NOT NULL REFERENCES user, libraryId, checksum NOT NULL, data NOT NULL);
CREATE UNIQUE INDEX asset_bytes ON asset (ownerId, checksum) WHERE libraryId IS NULL;
CREATE UNIQUE INDEX asset_bytes_in_library ON asset (ownerId, libraryId, checksum)
    WHERE libraryId IS NOT NULL;
CREATE TABLE exif (assetId PRIMARY KEY REFERENCES asset ON DELETE CASCADE, data NOT NULL);
CREATE TABLE asset_metadata (
    assetId NOT NULL REFERENCES asset ON DELETE CASCADE, key NOT NULL, data NOT NULL,
    PRIMARY KEY (assetId, key));
CREATE TABLE edit (
    id PRIMARY KEY, assetId NOT NULL REFERENCES asset ON DELETE CASCADE, data NOT NULL);
CREATE TABLE ocr (
    id PRIMARY KEY, assetId NOT NULL REFERENCES asset ON DELETE CASCADE, data NOT NULL);
CREATE TABLE person (id PRIMARY KEY, ownerId NOT NULL REFERENCES user, data NOT NULL);
CREATE TABLE face (
    id PRIMARY KEY, assetId NOT NULL REFERENCES asset ON DELETE CASCADE,
    personId REFERENCES person ON DELETE SET NULL, data NOT NULL);
CREATE TABLE stack (id PRIMARY KEY, ownerId NOT NULL REFERENCES user, data NOT NULL);
CREATE TABLE memory (id PRIMARY KEY, ownerId NOT NULL REFERENCES user, data NOT NULL);
CREATE TABLE memory_asset (
    memoryId NOT NULL REFERENCES memory ON DELETE CASCADE,
    assetId NOT NULL REFERENCES asset ON DELETE CASCADE, data NOT NULL,
    PRIMARY KEY (memoryId, assetId));
CREATE TABLE album (
    id PRIMARY KEY, thumbnailAssetId REFERENCES asset ON DELETE SET NULL, data NOT NULL);
CREATE TABLE album_user (
    albumId NOT NULL REFERENCES album ON DELETE CASCADE, userId NOT NULL REFERENCES user,
    data NOT NULL, PRIMARY KEY (albumId, userId));
CREATE TABLE album_asset (
    albumId NOT NULL REFERENCES album ON DELETE CASCADE,
    assetId NOT NULL REFERENCES asset ON DELETE CASCADE, data NOT NULL,
    PRIMARY KEY (albumId, assetId));
"""
# Table → what identifies a row, and what else has a column of its own.
TABLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "user": (("id",), ()),
    "auth_user": (("id",), ()),
    "user_metadata": (("userId", "key"), ()),
    "partner": (("sharedById", "sharedWithId"), ()),
    "asset": (("id",), ("ownerId", "libraryId", "checksum")),
    "exif": (("assetId",), ()),
    "asset_metadata": (("assetId", "key"), ()),
    "edit": (("id",), ("assetId",)),
    "ocr": (("id",), ("assetId",)),
    "person": (("id",), ("ownerId",)),
    "face": (("id",), ("assetId", "personId")),
    "stack": (("id",), ("ownerId",)),
    "memory": (("id",), ("ownerId",)),
    "memory_asset": (("memoryId", "assetId"), ()),
    "album": (("id",), ("thumbnailAssetId",)),
    "album_user": (("albumId", "userId"), ()),
    "album_asset": (("albumId", "assetId"), ()),
}
UPSERTS = {
    "UserV1": "user",
    "AuthUserV1": "auth_user",
    "UserMetadataV1": "user_metadata",
    "PartnerV1": "partner",
    "AssetV2": "asset",
    "PartnerAssetV2": "asset",
    "PartnerAssetBackfillV2": "asset",
    "AlbumAssetCreateV2": "asset",
    "AlbumAssetUpdateV2": "asset",
    "AlbumAssetBackfillV2": "asset",
    "AssetExifV1": "exif",
    "PartnerAssetExifV1": "exif",
    "PartnerAssetExifBackfillV1": "exif",
    "AlbumAssetExifCreateV1": "exif",
    "AlbumAssetExifUpdateV1": "exif",
    "AlbumAssetExifBackfillV1": "exif",
    "AssetMetadataV1": "asset_metadata",
    "AssetEditV1": "edit",
    "AssetOcrV1": "ocr",
    "PersonV1": "person",
    "AssetFaceV2": "face",
    "StackV1": "stack",
    "PartnerStackV1": "stack",
    "PartnerStackBackfillV1": "stack",
    "MemoryV1": "memory",
    "MemoryToAssetV1": "memory_asset",
    "AlbumV2": "album",
    "AlbumUserV1": "album_user",
    "AlbumUserBackfillV1": "album_user",
    "AlbumToAssetV1": "album_asset",
    "AlbumToAssetBackfillV1": "album_asset",
}
# Type → table, and the fields that tell which row goes, in the order of its key.
DELETES = {
    "UserDeleteV1": ("user", "userId"),
    "UserMetadataDeleteV1": ("user_metadata", "userId key"),
    "PartnerDeleteV1": ("partner", "sharedById sharedWithId"),
    "AssetDeleteV1": ("asset", "assetId"),
    "PartnerAssetDeleteV1": ("asset", "assetId"),
    "AssetMetadataDeleteV1": ("asset_metadata", "assetId key"),
    "AssetEditDeleteV1": ("edit", "editId"),
    "AssetOcrDeleteV1": ("ocr", "id"),
    "PersonDeleteV1": ("person", "personId"),
    "AssetFaceDeleteV1": ("face", "assetFaceId"),
    "StackDeleteV1": ("stack", "stackId"),
    "PartnerStackDeleteV1": ("stack", "stackId"),
    "MemoryDeleteV1": ("memory", "memoryId"),
    "MemoryToAssetDeleteV1": ("memory_asset", "memoryId assetId"),
    "AlbumDeleteV1": ("album", "albumId"),
    "AlbumUserDeleteV1": ("album_user", "albumId userId"),
    "AlbumToAssetDeleteV1": ("album_asset", "albumId assetId"),
}
CONTROLS = {"SyncAckV1", "SyncResetV1", "SyncCompleteV1"}

# Every field is there, of this type; `?`: it may be null.
_USER = """id:str name:str email:str avatarColor:str? deletedAt:str? hasProfileImage:bool
    profileChangedAt:str"""
_TABLE_FIELDS = {
    "user": _USER,
    "auth_user": f"""{_USER} isAdmin:bool pinCode:str? oauthId:str storageLabel:str?
        quotaSizeInBytes:int? quotaUsageInBytes:int""",
    "user_metadata": "userId:str key:str value:obj",
    "partner": "sharedById:str sharedWithId:str inTimeline:bool",
    "asset": """id:str ownerId:str originalFileName:str thumbhash:str? checksum:str
        fileCreatedAt:str? fileModifiedAt:str? createdAt:str? localDateTime:str? duration:int?
        type:str deletedAt:str? isFavorite:bool visibility:str livePhotoVideoId:str? stackId:str?
        libraryId:str? width:int? height:int? isEdited:bool""",
    "exif": """assetId:str description:str? exifImageWidth:int? exifImageHeight:int?
        fileSizeInByte:int? orientation:str? dateTimeOriginal:str? modifyDate:str? timeZone:str?
        latitude:num? longitude:num? projectionType:str? city:str? state:str? country:str?
        make:str? model:str? lensModel:str? fNumber:num? focalLength:num? iso:int?
        exposureTime:str? profileDescription:str? rating:int? fps:num?""",
    "asset_metadata": "assetId:str key:str value:obj",
    "edit": "id:str assetId:str action:str parameters:obj sequence:int",
    "ocr": """id:str assetId:str x1:num y1:num x2:num y2:num x3:num y3:num x4:num y4:num
        boxScore:num textScore:num text:str isVisible:bool""",
    "person": """id:str createdAt:str updatedAt:str ownerId:str name:str birthDate:str?
        isHidden:bool isFavorite:bool color:str? faceAssetId:str?""",
    "face": """id:str assetId:str personId:str? imageWidth:int imageHeight:int boundingBoxX1:int
        boundingBoxY1:int boundingBoxX2:int boundingBoxY2:int sourceType:str deletedAt:str?
        isVisible:bool""",
    "stack": "id:str createdAt:str updatedAt:str primaryAssetId:str ownerId:str",
    "memory": """id:str createdAt:str updatedAt:str deletedAt:str? ownerId:str type:str data:obj
        isSaved:bool memoryAt:str seenAt:str? showAt:str? hideAt:str?""",
    "memory_asset": "memoryId:str assetId:str",
    "album": """id:str name:str description:str createdAt:str updatedAt:str thumbnailAssetId:str?
        isActivityEnabled:bool order:str""",
    "album_user": "albumId:str userId:str role:str",
    "album_asset": "albumId:str assetId:str",
}
FIELDS = {
    **{type_: _TABLE_FIELDS[table] for type_, table in UPSERTS.items()},
    **{
        type_: " ".join(f"{field}:str" for field in fields.split())
        for type_, (_, fields) in DELETES.items()
    },
    "AssetOcrDeleteV1": "id:str assetId:str deletedAt:str",
    "AlbumV1": f"{_TABLE_FIELDS['album']} ownerId:str",
    **dict.fromkeys(CONTROLS, ""),
}
PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "num": (int, float),
    "bool": (bool,),
    "obj": (dict,),
}


def check_line(type_: str, data: dict[str, Any]) -> None:
    """As the app's decoder: a missing field or a wrong type ends the sync."""
    fields = dict(field.split(":") for field in FIELDS[type_].split())
    assert data.keys() == fields.keys(), (type_, data)
    for name, kind in fields.items():
        value = data[name]
        allowed = PYTHON_TYPES[kind.rstrip("?")]
        is_null = value is None and kind.endswith("?")
        assert is_null or type(value) in allowed, (type_, name, value)


def statements() -> dict[str, str]:
    """What each type of line does to the tables, with its fields and itself (`data`) as values."""
    upserts = {type_: _upsert(table) for type_, table in UPSERTS.items()}
    return upserts | {type_: _delete(*which) for type_, which in DELETES.items()}


def _upsert(table: str) -> str:
    keys, others = TABLES[table]
    columns = (*keys, *others, "line")
    changes = ", ".join(f"{_column(name)} = excluded.{_column(name)}" for name in (*others, "line"))
    return (
        f"INSERT INTO {table} ({', '.join(map(_column, columns))})"
        f" VALUES ({', '.join(f':{name}' for name in columns)})"
        f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changes}"
    )


def _column(name: str) -> str:
    return "data" if name == "line" else name


def _delete(table: str, fields: str) -> str:
    keys, _ = TABLES[table]
    where = " AND ".join(
        f"{key} = :{field}" for key, field in zip(keys, fields.split(), strict=True)
    )
    return f"DELETE FROM {table} WHERE {where}"
