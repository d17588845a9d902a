"""How each device's copy is: how far, how its last stream went, and what may be wrong with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sql import Connection, Transaction, reads, writes
from sync import checkpoints
from sync.errors import Invalid
from sync.feeds import FEEDS
from sync.topics import EVERYONE

# Per kind what the app's decoder wants to find in a line, null or not; without it, it stops there.
FIELDS = {
    "user": "id name email deletedAt hasProfileImage profileChangedAt",
    "auth_user": "id name email isAdmin oauthId quotaUsageInBytes",
    "user_metadata": "userId key value",
    "partner": "sharedById sharedWithId inTimeline",
    "asset": "id ownerId originalFileName checksum type isFavorite visibility isEdited deletedAt",
    "asset_exif": "assetId fileSizeInByte",
    "asset_metadata": "assetId key value",
    "asset_edit": "id assetId action parameters sequence",
    "asset_ocr": "id assetId x1 y1 x2 y2 x3 y3 x4 y4 boxScore textScore text isVisible",
    "asset_face": """id assetId imageWidth imageHeight boundingBoxX1 boundingBoxY1 boundingBoxX2
        boundingBoxY2 sourceType isVisible""",
    "person": "id ownerId name createdAt updatedAt isHidden isFavorite",
    "stack": "id ownerId primaryAssetId createdAt updatedAt",
    "memory": "id ownerId type data isSaved memoryAt createdAt updatedAt",
    "memory_asset": "memoryId assetId",
    "album": "id name description createdAt updatedAt isActivityEnabled order",
    "album_user": "albumId userId role",
    "album_asset": "albumId assetId",
}

# What may be compared: what a request brings that is the user's own, that is everyone's, or that
# a whole album or a partner's library brings. Assets seen in albums are not: they may overlap.
OWN = {
    "AuthUsersV1": "auth_user", "PartnersV1": "partner", "AssetsV2": "asset",
    "AssetExifsV1": "asset_exif", "StacksV1": "stack", "AlbumsV2": "album_grant",
    "AssetOcrV1": "asset_ocr", "MemoriesV1": "memory", "MemoryToAssetsV1": "memory_asset",
    "PeopleV1": "person", "AssetFacesV2": "asset_face", "UserMetadataV1": "user_metadata",
    "AssetMetadataV1": "asset_metadata", "AssetEditsV1": "asset_edit",
}  # fmt: skip
GRANTED = {
    "album_grant": {"AlbumUsersV1": "album_user", "AlbumToAssetsV1": "album_asset"},
    "partner_grant": {
        "PartnerAssetsV2": "asset", "PartnerStacksV1": "stack", "PartnerAssetExifsV1": "asset_exif",
    },
}  # fmt: skip
COMPARABLE = [*OWN, "UsersV1", *(name for names in GRANTED.values() for name in names)]


class Unfit(NamedTuple):
    """A row that an app could not apply."""

    kind: str
    key: UUID
    reason: str


class Copy(NamedTuple):
    """One device. `behind_entries` None: it never had all, or of another history."""

    session_id: UUID
    user_id: UUID
    email: str
    device: str
    app_version: str | None
    seen_at: datetime
    is_pending_reset: bool
    cursors: dict[str, int]
    behind_entries: int | None
    behind_seconds: float
    streamed_at: datetime | None
    lines: int
    bytes: int
    seconds: float
    problem: str | None


class Digest(NamedTuple):
    """How many rows, and the MD5s of their ids xored, 32 hex digits.

    Where two ids name a row, as those of memory and asset, it is the MD5 of both, one after the
    other; for what has a key, of the id and the key.
    """

    rows: int = 0
    digest: str = "0" * 32


async def list_copies(
    connection: Connection, *, email: str | None = None, session_id: UUID | None = None
) -> list[Copy]:
    rows = await reads.doctor.list_copies(connection, email=email, session_id=session_id)
    cursors: dict[UUID, dict[str, int]] = defaultdict(dict)
    ids = [row["id"] for row in rows]
    for cursor in await reads.doctor.list_cursors(connection, session_ids=ids):
        cursors[cursor["session_id"]][cursor["type"]] = cursor["pos"]
    return [
        Copy(
            session_id=row["id"],
            user_id=row["user_id"],
            email=row["email"],
            device=" ".join(filter(None, (row["device_type"], row["device_os"]))),
            app_version=row["app_version"],
            seen_at=row["updated_at"],
            is_pending_reset=row["is_pending_sync_reset"],
            cursors=cursors[row["id"]],
            behind_entries=None if row["is_foreign"] else row["behind_entries"],
            behind_seconds=row["behind_seconds"] or 0.0,
            streamed_at=row["streamed_at"],
            lines=row["line_count"],
            bytes=row["byte_count"],
            seconds=row["seconds"],
            problem=row["problem"],
        )
        for row in rows
    ]


async def list_unfit(connection: Connection, user_id: UUID) -> list[Unfit]:
    """What would jam a phone of this user."""
    rows = await reads.doctor.list_unfit(
        connection,
        user_id=user_id,
        kinds=list(FIELDS),
        fields=[" ".join(fields.split()) for fields in FIELDS.values()],
    )
    return [Unfit(**row) for row in rows]


async def digest(connection: Connection, user_id: UUID, pos: int) -> dict[str, Digest]:
    """What a copy holds of each request that may be compared, when it has all up to a position."""
    wanted = [(request, kind, user_id, 0) for request, kind in OWN.items()]
    wanted.append(("UsersV1", "user", EVERYONE, 0))
    for grant in await reads.checkpoints.list_grants(connection, user_id=user_id):
        if grant["since"] <= pos and (not grant["is_gone"] or grant["pos"] > pos):
            reach = 2 if grant["kind"] == "partner_grant" else 0
            wanted += [
                (request, kind, grant["key"], reach)
                for request, kind in GRANTED[grant["kind"]].items()
            ]
    requests, kinds, scopes, reaches = (list(column) for column in zip(*wanted, strict=True))
    rows = await reads.doctor.digest_kinds(
        connection, requests=requests, kinds=kinds, scopes=scopes, reaches=reaches, pos=pos
    )
    found = {row["request"]: Digest(row["count"], row["digest"]) for row in rows}
    return {request: found.get(request, Digest()) for request in COMPARABLE}


async def compare(
    connection: Connection, user_id: UUID, session_id: UUID, report: Mapping[str, Digest]
) -> dict[str, tuple[Digest, Digest]]:
    """Per request what the device and what the server counts, as of the device's last complete
    stream. Raises Invalid."""
    if unknown := report.keys() - set(COMPARABLE):
        raise Invalid(f"Cannot be compared: {', '.join(sorted(unknown))}")
    head = await reads.log.head(connection)
    complete = (await checkpoints.list_acks(connection, session_id)).get("SyncCompleteV1")
    if complete is None or complete.epoch != head["epoch"] or complete.pos < head["floor"]:
        raise Invalid("Sync first: this device has no complete copy")
    ours = await digest(connection, user_id, complete.pos)
    return {request: (theirs, ours[request]) for request, theirs in report.items()}


async def repair(tx: Transaction, session_id: UUID, request: str) -> bool:
    """Let the device be sent one request from the start, with all that is known to be gone.

    False: tombstones that it may have missed are gone, so only a reset makes it sure.
    Raises Invalid.
    """
    feeds = [feed for feed in FEEDS if feed.request == request]
    if not feeds:
        raise Invalid(f"Unknown request: {request}")
    if not await reads.doctor.list_copies(tx, email=None, session_id=session_id):
        raise Invalid("Unknown session, or one that never synced")
    types = {feed.cursor or feed.type for feed in feeds} | {feed.backfill for feed in feeds}
    types |= {type_.replace("Create", "Update") for type_ in types}
    begun = (await checkpoints.list_acks(tx, session_id)).get("SyncResetV1")
    await checkpoints.delete_acks(tx, session_id, types - {""})
    return begun is not None and begun.pos >= (await reads.log.head(tx))["floor"]


async def start_anew(tx: Transaction, session_id: UUID) -> None:
    """Let the device throw away its copy at its next stream."""
    await writes.checkpoints.set_pending_reset(tx, session_id=session_id, is_pending=True)


async def note_stream(
    tx: Transaction,
    session_id: UUID,
    *,
    lines: int,
    bytes_: int,
    seconds: float,
    problem: str | None,
) -> None:
    """How a stream went; `problem` None: it was sent to its end."""
    await writes.doctor.note_stream(
        tx,
        session_id=session_id,
        line_count=lines,
        byte_count=bytes_,
        seconds=seconds,
        problem=problem,
    )
