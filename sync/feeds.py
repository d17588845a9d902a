"""Every kind of sync line, in stream order: deletes, children first; then changes, parents first.

A client that enforces foreign keys and unique keys can apply every prefix of this order.
"""

from __future__ import annotations

from typing import NamedTuple


class Feed(NamedTuple):
    """Lines of one type, whose ack moves the cursor of that type."""

    request: str  # what a client asks for
    type: str
    kind: str  # in `state`
    is_public: bool = False  # the same for all users
    field: str | None = None  # of a delete line: what names the entity


FEEDS = [
    Feed("AssetMetadataV1", "AssetMetadataDeleteV1", "asset_metadata", field=""),
    Feed("UserMetadataV1", "UserMetadataDeleteV1", "user_metadata", field=""),
    Feed("AssetsV2", "AssetDeleteV1", "asset", field="assetId"),
    Feed("AuthUsersV1", "AuthUserV1", "auth_user"),
    Feed("UsersV1", "UserV1", "user", is_public=True),
    Feed("AssetsV2", "AssetV2", "asset"),
    Feed("AssetExifsV1", "AssetExifV1", "asset_exif"),
    Feed("UserMetadataV1", "UserMetadataV1", "user_metadata"),
    Feed("AssetMetadataV1", "AssetMetadataV1", "asset_metadata"),
    # Last: whoever still names a user is gone by then.
    Feed("UsersV1", "UserDeleteV1", "user", is_public=True, field="userId"),
]

# What a client may ask for, and which of it the contract replaced by a newer form.
_REQUESTS = """
AlbumAssetExifsV1 AlbumAssetsV1 AlbumAssetsV2 AlbumToAssetsV1 AlbumUsersV1 AlbumsV1 AlbumsV2
AssetEditsV1 AssetExifsV1 AssetFacesV1 AssetFacesV2 AssetMetadataV1 AssetOcrV1 AssetsV1 AssetsV2
AuthUsersV1 MemoriesV1 MemoryToAssetsV1 PartnerAssetExifsV1 PartnerAssetsV1 PartnerAssetsV2
PartnerStacksV1 PartnersV1 PeopleV1 StacksV1 UserMetadataV1 UsersV1
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
AssetEditDeleteV1 AssetEditV1 AssetExifV1 AssetFaceDeleteV1 AssetFaceV1 AssetFaceV2
AssetMetadataDeleteV1 AssetMetadataV1 AssetOcrDeleteV1 AssetOcrV1 AssetV1 AssetV2 AuthUserV1
MemoryDeleteV1 MemoryToAssetDeleteV1 MemoryToAssetV1 MemoryV1 PartnerAssetBackfillV1
PartnerAssetBackfillV2 PartnerAssetDeleteV1 PartnerAssetExifBackfillV1 PartnerAssetExifV1
PartnerAssetV1 PartnerAssetV2 PartnerDeleteV1 PartnerStackBackfillV1 PartnerStackDeleteV1
PartnerStackV1 PartnerV1 PersonDeleteV1 PersonV1 StackDeleteV1 StackV1 SyncAckV1 SyncCompleteV1
SyncResetV1 UserDeleteV1 UserMetadataDeleteV1 UserMetadataV1 UserV1
"""
TYPES = frozenset(_TYPES.split())
