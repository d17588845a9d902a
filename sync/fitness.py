"""What an app's database and decoder demand of a line, and which lines fail it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple
from uuid import UUID

from sql import Connection, reads

# Per kind what the app's decoder wants to find in a line; `?`: or null; a `|`: one of these words.
# Source: the data types of the contract's sync entities.
FIELDS = {
    "user": """id:str name:str email:str avatarColor:COLOR? deletedAt:time? hasProfileImage:bool
        profileChangedAt:time""",
    "auth_user": """id:str name:str email:str avatarColor:COLOR? deletedAt:time?
        hasProfileImage:bool profileChangedAt:time isAdmin:bool pinCode:str? oauthId:str
        storageLabel:str? quotaSizeInBytes:int? quotaUsageInBytes:int""",
    "user_metadata": "userId:str key:preferences|license|onboarding value:obj",
    "partner": "sharedById:str sharedWithId:str inTimeline:bool",
    "asset": """id:str ownerId:str originalFileName:str thumbhash:str? checksum:str
        fileCreatedAt:time? fileModifiedAt:time? createdAt:time? localDateTime:time? duration:int?
        type:IMAGE|VIDEO|AUDIO|OTHER deletedAt:time? isFavorite:bool
        visibility:timeline|archive|hidden|locked livePhotoVideoId:str? stackId:str?
        libraryId:str? width:int? height:int? isEdited:bool""",
    "asset_exif": """assetId:str description:str? exifImageWidth:int? exifImageHeight:int?
        fileSizeInByte:int? orientation:str? dateTimeOriginal:time? modifyDate:time? timeZone:str?
        latitude:num? longitude:num? projectionType:str? city:str? state:str? country:str?
        make:str? model:str? lensModel:str? fNumber:num? focalLength:num? iso:int?
        exposureTime:str? profileDescription:str? rating:int? fps:num?""",
    "asset_metadata": "assetId:str key:str value:obj",
    "asset_edit": "id:str assetId:str action:crop|rotate|mirror parameters:obj sequence:int",
    "asset_ocr": """id:str assetId:str x1:num y1:num x2:num y2:num x3:num y3:num x4:num y4:num
        boxScore:num textScore:num text:str isVisible:bool""",
    "asset_face": """id:str assetId:str personId:str? imageWidth:int imageHeight:int
        boundingBoxX1:int boundingBoxY1:int boundingBoxX2:int boundingBoxY2:int sourceType:str
        deletedAt:time? isVisible:bool""",
    "person": """id:str createdAt:time updatedAt:time ownerId:str name:str birthDate:time?
        isHidden:bool isFavorite:bool color:str? faceAssetId:str?""",
    "stack": "id:str createdAt:time updatedAt:time primaryAssetId:str ownerId:str",
    "memory": """id:str createdAt:time updatedAt:time deletedAt:time? ownerId:str
        type:on_this_day data:obj isSaved:bool memoryAt:time seenAt:time? showAt:time?
        hideAt:time?""",
    "memory_asset": "memoryId:str assetId:str",
    "album": """id:str name:str description:str createdAt:time updatedAt:time
        thumbnailAssetId:str? isActivityEnabled:bool order:asc|desc""",
    "album_user": "albumId:str userId:str role:owner|editor|viewer",
    "album_asset": "albumId:str assetId:str",
}
COLORS = "primary|pink|red|yellow|blue|green|purple|orange|gray|amber"
TESTS = {
    "str": '$."{0}".type() == "string"',
    "num": '$."{0}".type() == "number"',
    "int": '$."{0}".type() == "number" && $."{0}".floor() == $."{0}"',
    "bool": '$."{0}".type() == "boolean"',
    "obj": '$."{0}".type() == "object"',
    "time": '$."{0}" like_regex "^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9:.]+Z$"',
}
REASONS_MAX = 3  # for one line


class Need(NamedTuple):
    """A field of a kind's lines, and the JSON path that is true when an app can read it."""

    kind: str
    name: str
    test: str
    is_nullable: bool


def _need(kind: str, field: str) -> Need:
    name, _, what = field.partition(":")
    bare = what.rstrip("?").replace("COLOR", COLORS)
    words = [f'$."{name}" == "{word}"' for word in bare.split("|")]
    test = TESTS[bare].format(name) if bare in TESTS else " || ".join(words)
    is_nullable = what.endswith("?")
    return Need(kind, name, f'({test}) || $."{name}" == null' if is_nullable else test, is_nullable)


NEEDS = [_need(kind, field) for kind, fields in FIELDS.items() for field in fields.split()]
KINDS, NAMES, PATHS, NULLABLES = (list(column) for column in zip(*NEEDS, strict=True))


class Unfit(NamedTuple):
    """A line that an app could not apply as it is."""

    kind: str
    scope: UUID
    key: UUID
    fields: tuple[str, ...]  # with null for these it could; none: it must not be sent at all
    reason: str
    is_tolerable: bool  # an app applies it, and then shows something wrong


class Held(NamedTuple):
    """A line in quarantine: not sent, or with null for some fields."""

    kind: str
    scope: UUID
    key: UUID
    fields: list[str]
    reason: str
    noticed_at: datetime


async def list_unfit(connection: Connection, user_id: UUID) -> list[Unfit]:
    """What would jam a phone of this user, or mislead it."""
    rows = await reads.doctor.list_unfit(
        connection, user_id=user_id, kinds=KINDS, fields=NAMES, tests=PATHS, nullables=NULLABLES
    )
    found = []
    for place, group in groupby(rows, itemgetter("kind", "scope", "key", "is_tolerable")):
        faults = list(group)
        fields = tuple(fault["field"] for fault in faults)
        kind, scope, key, is_tolerable = place
        whole = () if "" in fields else fields
        reasons = dict.fromkeys(fault["reason"] for fault in faults)
        reason = "; ".join([*reasons][:REASONS_MAX])
        found.append(Unfit(kind, scope, key, whole, reason, is_tolerable))
    return found


async def list_jams(connection: Connection, user_id: UUID) -> list[Unfit]:
    """What would jam a phone of this user."""
    return [one for one in await list_unfit(connection, user_id) if not one.is_tolerable]


async def list_concerned(
    connection: Connection, rows: Collection[tuple[str, UUID, UUID]]
) -> list[UUID]:
    """Users whose lines may name one of these, by kind, scope and key."""
    found = await reads.doctor.list_concerned(
        connection,
        scopes=list({scope for _, scope, _ in rows}),
        album_ids=[key for kind, _, key in rows if kind == "album"],
        asset_ids=[key for kind, _, key in rows if kind == "asset"],
    )
    return [row["id"] for row in found]


async def list_held(connection: Connection, user_id: UUID) -> list[Held]:
    """What is in quarantine of all that a user would see."""
    return [Held(**row) for row in await reads.doctor.list_held(connection, user_id=user_id)]
