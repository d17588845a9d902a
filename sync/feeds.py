"""Every kind of sync line, in stream order: deletes, children first; then changes, parents first.

A client that enforces foreign keys and unique keys can apply every prefix of this order.
"""

from __future__ import annotations

from typing import NamedTuple


class Feed(NamedTuple):
    """Lines of one type, from the user's own scope or from all that the user was granted."""

    request: str  # what a client asks for
    type: str
    kind: str  # in `state`
    source: str = "own"  # or: public, album, view, left_album, partner, left_partner
    shape: str = "own"  # a query in sql/lines/shapes.sql
    field: str | None = None  # of a delete line: what names the entity
    cursor: str = ""  # whose ack moves it, where that is not its type
    backfill: str = ""  # the type of lines and acks for what newly came into view


def _gone(request: str, type_: str, kind: str, field: str = "", **more: str) -> Feed:
    return Feed(request, type_, kind, field=field, **more)


def _album(request: str, type_: str, kind: str, backfill: str = "", shape: str = "own") -> Feed:
    return Feed(request, type_, kind, "album", shape, backfill=backfill)


def _view(request: str, kind: str, type_: str, backfill: str) -> Feed:
    return Feed(request, type_, kind, "album", "view", backfill=backfill)


def _partner(request: str, kind: str, type_: str, backfill: str) -> Feed:
    return Feed(request, type_, kind, "partner", "partner", backfill=backfill)


FEEDS = [
    # What is gone, children first.
    _gone("AssetMetadataV1", "AssetMetadataDeleteV1", "asset_metadata"),
    _gone("UserMetadataV1", "UserMetadataDeleteV1", "user_metadata"),
    _gone("AssetEditsV1", "AssetEditDeleteV1", "asset_edit", "editId"),
    _gone("AssetFacesV2", "AssetFaceDeleteV1", "asset_face", "assetFaceId"),
    _gone("AssetFacesV3", "AssetFaceDeleteV1", "asset_face", "assetFaceId"),
    _gone("PeopleV1", "PersonDeleteV1", "person", "personId"),
    _gone("AssetOcrV1", "AssetOcrDeleteV1", "asset_ocr"),
    _gone("MemoryToAssetsV1", "MemoryToAssetDeleteV1", "memory_asset"),
    _gone("MemoriesV1", "MemoryDeleteV1", "memory", "memoryId"),
    # An album takes all that is in it along, and what leaves it while it is lost is told nobody.
    # So it goes first: else who comes back to it would find there what left it meanwhile.
    _gone("AlbumsV1", "AlbumDeleteV1", "album_grant", "albumId"),
    _gone("AlbumsV2", "AlbumDeleteV1", "album_grant", "albumId"),
    _gone("AlbumToAssetsV1", "AlbumToAssetDeleteV1", "album_asset", "assetId", source="album"),
    _gone("AlbumUsersV1", "AlbumUserDeleteV1", "album_user", "userId", source="album"),
    # The app has no type of its own for assets that left an album, nor a cursor for them.
    _gone(
        "AlbumAssetsV2",
        "AssetDeleteV1",
        "album_view",
        "assetId",
        source="left_album",
        cursor="AlbumAssetUpdateV2",
    ),
    _gone("PartnerStacksV1", "PartnerStackDeleteV1", "stack", "stackId", source="left_partner"),
    _gone("PartnerAssetsV2", "PartnerAssetDeleteV1", "asset", "assetId", source="left_partner"),
    _gone("StacksV1", "StackDeleteV1", "stack", "stackId"),
    _gone("AssetsV2", "AssetDeleteV1", "asset", "assetId"),
    _gone("PartnersV1", "PartnerDeleteV1", "partner"),
    # What is there, parents first.
    Feed("AuthUsersV1", "AuthUserV1", "auth_user"),
    # Of the contract's next version: null, not "", where there is no OAuth account.
    Feed("AuthUsersV2", "AuthUserV2", "auth_user", shape="nulled"),
    Feed("UsersV1", "UserV1", "user", "public"),
    Feed("PartnersV1", "PartnerV1", "partner"),
    Feed("AssetsV2", "AssetV2", "asset"),
    Feed("StacksV1", "StackV1", "stack"),
    _partner("PartnerAssetsV2", "asset", "PartnerAssetV2", "PartnerAssetBackfillV2"),
    _partner("PartnerStacksV1", "stack", "PartnerStackV1", "PartnerStackBackfillV1"),
    _view("AlbumAssetsV2", "asset", "AlbumAssetCreateV2", "AlbumAssetBackfillV2"),
    _album("AlbumsV1", "AlbumV1", "album", shape="owned"),
    _album("AlbumsV2", "AlbumV2", "album"),
    _album("AlbumUsersV1", "AlbumUserV1", "album_user", "AlbumUserBackfillV1"),
    _album("AlbumToAssetsV1", "AlbumToAssetV1", "album_asset", "AlbumToAssetBackfillV1"),
    Feed("AssetExifsV1", "AssetExifV1", "asset_exif"),
    _view("AlbumAssetExifsV1", "asset_exif", "AlbumAssetExifCreateV1", "AlbumAssetExifBackfillV1"),
    Feed("AssetOcrV1", "AssetOcrV1", "asset_ocr"),
    _partner(
        "PartnerAssetExifsV1", "asset_exif", "PartnerAssetExifV1", "PartnerAssetExifBackfillV1"
    ),
    Feed("MemoriesV1", "MemoryV1", "memory"),
    Feed("MemoryToAssetsV1", "MemoryToAssetV1", "memory_asset"),
    Feed("PeopleV1", "PersonV1", "person"),
    Feed("AssetFacesV2", "AssetFaceV2", "asset_face"),
    Feed("AssetFacesV3", "AssetFaceV3", "asset_face"),
    Feed("UserMetadataV1", "UserMetadataV1", "user_metadata"),
    Feed("AssetMetadataV1", "AssetMetadataV1", "asset_metadata"),
    Feed("AssetEditsV1", "AssetEditV1", "asset_edit"),
    # Last: whoever still names a user is gone by then.
    _gone("UsersV1", "UserDeleteV1", "user", "userId", source="public"),
]

# What a client may ask for, and which of it the contract replaced by a newer form.
_REQUESTS = """
AlbumAssetExifsV1 AlbumAssetsV1 AlbumAssetsV2 AlbumToAssetsV1 AlbumUsersV1 AlbumsV1 AlbumsV2
AssetEditsV1 AssetExifsV1 AssetFacesV1 AssetFacesV2 AssetFacesV3 AssetMetadataV1 AssetOcrV1
AssetsV1 AssetsV2 AuthUsersV1 AuthUsersV2 MemoriesV1 MemoryToAssetsV1 PartnerAssetExifsV1
PartnerAssetsV1 PartnerAssetsV2 PartnerStacksV1 PartnersV1 PeopleV1 StacksV1 UserMetadataV1
UsersV1
"""
REQUESTS = frozenset(_REQUESTS.split())
REPLACED = {
    f"{name}V1": f"{name}V2" for name in ("Assets", "PartnerAssets", "AlbumAssets", "AssetFaces")
}

# Every type a line or an ack may have.
_TYPES = """
AlbumAssetBackfillV1 AlbumAssetBackfillV2 AlbumAssetCreateV1 AlbumAssetCreateV2
AlbumAssetExifBackfillV1 AlbumAssetExifCreateV1 AlbumAssetExifUpdateV1 AlbumAssetUpdateV1
AlbumAssetUpdateV2 AlbumDeleteV1 AlbumToAssetBackfillV1 AlbumToAssetDeleteV1 AlbumToAssetV1
AlbumUserBackfillV1 AlbumUserDeleteV1 AlbumUserV1 AlbumV1 AlbumV2 AssetDeleteV1
AssetEditDeleteV1 AssetEditV1 AssetExifV1 AssetFaceDeleteV1 AssetFaceV1 AssetFaceV2 AssetFaceV3
AssetMetadataDeleteV1 AssetMetadataV1 AssetOcrDeleteV1 AssetOcrV1 AssetV1 AssetV2 AuthUserV1
AuthUserV2 MemoryDeleteV1 MemoryToAssetDeleteV1 MemoryToAssetV1 MemoryV1 PartnerAssetBackfillV1
PartnerAssetBackfillV2 PartnerAssetDeleteV1 PartnerAssetExifBackfillV1 PartnerAssetExifV1
PartnerAssetV1 PartnerAssetV2 PartnerDeleteV1 PartnerStackBackfillV1 PartnerStackDeleteV1
PartnerStackV1 PartnerV1 PersonDeleteV1 PersonV1 StackDeleteV1 StackV1 SyncAckV1 SyncCompleteV1
SyncResetV1 UserDeleteV1 UserMetadataDeleteV1 UserMetadataV1 UserV1
"""
TYPES = frozenset(_TYPES.split())
