"""A phone as the log sees it: SQLite with foreign keys, fed by sync lines and nothing else.

It behaves as the app does: it applies runs of lines of one type as one batch, acks the last line of
each run, wipes itself when it is told to, and jams for good on a line it cannot apply.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from itertools import groupby
from typing import Any, ClassVar, Protocol
from uuid import UUID, uuid4

from sql import Database
from sync import checkpoints
from sync.operations import sessions
from sync.stream import RESET, stream

# What the app asks for, in its order.
_REQUESTS = """
AuthUsersV1 UsersV1 AssetsV2 AssetExifsV1 AssetEditsV1 AssetMetadataV1 PartnersV1 PartnerAssetsV2
PartnerAssetExifsV1 AlbumsV2 AlbumUsersV1 AlbumAssetsV2 AlbumAssetExifsV1 AlbumToAssetsV1 MemoriesV1
MemoryToAssetsV1 StacksV1 PartnerStacksV1 UserMetadataV1 PeopleV1 AssetFacesV2 AssetOcrV1
"""
REQUESTS = _REQUESTS.split()
BATCH_LINES = 5000

# The parents are as in the app; but nothing may hide behind the end of a user.
SCHEMA = """
PRAGMA foreign_keys = ON;
CREATE TABLE user (id PRIMARY KEY, data NOT NULL);
CREATE TABLE auth_user (id PRIMARY KEY, data NOT NULL);
CREATE TABLE user_metadata (
    userId NOT NULL REFERENCES user, key NOT NULL, data NOT NULL, PRIMARY KEY (userId, key));
CREATE TABLE asset (
    id PRIMARY KEY, ownerId NOT NULL REFERENCES user, libraryId, checksum NOT NULL, data NOT NULL);
CREATE UNIQUE INDEX asset_bytes ON asset (ownerId, checksum) WHERE libraryId IS NULL;
CREATE UNIQUE INDEX asset_bytes_in_library ON asset (ownerId, libraryId, checksum)
    WHERE libraryId IS NOT NULL;
CREATE TABLE exif (assetId PRIMARY KEY REFERENCES asset ON DELETE CASCADE, data NOT NULL);
CREATE TABLE asset_metadata (
    assetId NOT NULL REFERENCES asset ON DELETE CASCADE, key NOT NULL, data NOT NULL,
    PRIMARY KEY (assetId, key));
"""
# Table → what identifies a row, and what else has a column of its own.
TABLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "user": (("id",), ()),
    "auth_user": (("id",), ()),
    "user_metadata": (("userId", "key"), ()),
    "asset": (("id",), ("ownerId", "libraryId", "checksum")),
    "exif": (("assetId",), ()),
    "asset_metadata": (("assetId", "key"), ()),
}
UPSERTS = {
    "UserV1": "user",
    "AuthUserV1": "auth_user",
    "UserMetadataV1": "user_metadata",
    "AssetV2": "asset",
    "AssetExifV1": "exif",
    "AssetMetadataV1": "asset_metadata",
}
DELETES = {
    "UserDeleteV1": "DELETE FROM user WHERE id = :userId",
    "UserMetadataDeleteV1": "DELETE FROM user_metadata WHERE userId = :userId AND key = :key",
    "AssetDeleteV1": "DELETE FROM asset WHERE id = :assetId",
    "AssetMetadataDeleteV1": "DELETE FROM asset_metadata WHERE assetId = :assetId AND key = :key",
}
CONTROLS = {"SyncAckV1", "SyncResetV1", "SyncCompleteV1"}

# Every field is there, of this type; `?`: it may be null.
USER = """id:str name:str email:str avatarColor:str? deletedAt:str? hasProfileImage:bool
    profileChangedAt:str"""
EXIF = """assetId:str description:str? exifImageWidth:int? exifImageHeight:int? fileSizeInByte:int?
    orientation:str? dateTimeOriginal:str? modifyDate:str? timeZone:str? latitude:num?
    longitude:num? projectionType:str? city:str? state:str? country:str? make:str? model:str?
    lensModel:str? fNumber:num? focalLength:num? iso:int? exposureTime:str?
    profileDescription:str? rating:int?
    fps:num?"""
ASSET = """id:str ownerId:str originalFileName:str thumbhash:str? checksum:str fileCreatedAt:str?
    fileModifiedAt:str? createdAt:str? localDateTime:str? duration:int? type:str deletedAt:str?
    isFavorite:bool visibility:str livePhotoVideoId:str? stackId:str? libraryId:str? width:int?
    height:int? isEdited:bool"""
FIELDS = {
    "UserV1": USER,
    "AuthUserV1": f"""{USER} isAdmin:bool pinCode:str? oauthId:str storageLabel:str?
        quotaSizeInBytes:int? quotaUsageInBytes:int""",
    "UserDeleteV1": "userId:str",
    "UserMetadataV1": "userId:str key:str value:obj",
    "UserMetadataDeleteV1": "userId:str key:str",
    "AssetV2": ASSET,
    "AssetDeleteV1": "assetId:str",
    "AssetExifV1": EXIF,
    "AssetMetadataV1": "assetId:str key:str value:obj",
    "AssetMetadataDeleteV1": "assetId:str key:str",
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


class Source(Protocol):
    """Where lines come from, and where acks go."""

    def stream(self) -> AsyncIterator[bytes]: ...

    async def ack(self, ack: str) -> None: ...


class Direct:
    """One session of one user, without HTTP between."""

    def __init__(self, database: Database, user_id: UUID, session_id: UUID) -> None:
        self.database, self.user_id, self.session_id = database, user_id, session_id

    async def stream(self) -> AsyncIterator[bytes]:
        async with self.database.read() as connection:
            is_reset = await checkpoints.is_pending_reset(connection, self.session_id)
            acks = await checkpoints.list_acks(connection, self.session_id)
        if is_reset:
            yield RESET
            return
        async with aclosing(stream(self.database, self.user_id, REQUESTS, acks)) as blocks:
            async for block in blocks:
                yield block

    async def ack(self, ack: str) -> None:
        async with self.database.write() as tx:
            await checkpoints.save_acks(tx, self.session_id, [ack])


class Unremembered:
    """A session without any acks: every stream is the first."""

    def __init__(self, database: Database, user_id: UUID) -> None:
        self.database, self.user_id = database, user_id

    async def stream(self) -> AsyncIterator[bytes]:
        async with aclosing(stream(self.database, self.user_id, REQUESTS, {})) as blocks:
            async for block in blocks:
                yield block

    async def ack(self, ack: str) -> None:
        pass


async def new_session(database: Database, user_id: UUID) -> UUID:
    async with database.write() as tx:
        return await sessions.create_session(tx, user_id, uuid4().bytes)


async def new_replica(database: Database, user_id: UUID) -> Replica:
    return Replica(Direct(database, user_id, await new_session(database, user_id)))


class Replica:
    """One device's copy. `heard` is every line of the newest pull, as (type, data, ack)."""

    seen: ClassVar[set[str]] = set()  # every line type any replica was ever sent

    def __init__(self, source: Source, *, batch_lines: int = BATCH_LINES) -> None:
        self.source = source
        self.batch_lines = batch_lines
        self.wipes = 0
        self.heard: list[tuple[str, dict[str, Any], str]] = []
        self._database = sqlite3.connect(":memory:", isolation_level=None)
        self._database.executescript(SCHEMA)

    async def pull(
        self,
        *,
        cut: int | None = None,
        send: Callable[[str], Awaitable[None]] | None = None,
    ) -> bool:
        """Follow one stream, or its first `cut` lines; True when all of it was applied.

        `send` takes the acks instead of the source: a network that loses, repeats or delays.
        """
        self.heard = []
        wipes = self.wipes
        is_whole = await self._pull_once(cut, send or self.source.ack)
        if self.wipes > wipes and is_whole:
            return await self._pull_once(cut, send or self.source.ack)
        return is_whole

    async def _pull_once(self, cut: int | None, send: Callable[[str], Awaitable[None]]) -> bool:
        left = float("inf") if cut is None else cut
        lines: list[bytes] = []
        rest = b""
        async with aclosing(self.source.stream()) as blocks:  # type: ignore[type-var]
            async for block in blocks:
                *whole, rest = (rest + block).split(b"\n")
                lines += whole
                if len(lines) >= left:
                    await self._take(lines[: int(left)], send)
                    return False
                if len(lines) >= self.batch_lines:
                    await self._take(lines, send)
                    left -= len(lines)
                    lines = []
        assert rest == b"", "A line has no end"
        await self._take(lines, send)
        assert self.heard[-1][0] in ("SyncCompleteV1", "SyncResetV1")
        return True

    async def _take(self, lines: list[bytes], send: Callable[[str], Awaitable[None]]) -> None:
        for type_, run in groupby(map(json.loads, lines), key=lambda line: line["type"]):
            group = list(run)
            for line in group:
                assert line.keys() == {"type", "data", "ack"}
                self._apply(line["type"], line["data"])
                self.heard.append((line["type"], line["data"], line["ack"]))
            self.seen.add(type_)
            await send(group[-1]["ack"])

    def _apply(self, type_: str, data: dict[str, Any]) -> None:
        check_line(type_, data)
        if table := UPSERTS.get(type_):
            keys, others = TABLES[table]
            columns = (*keys, *others, "data")
            changes = ", ".join(f"{name} = excluded.{name}" for name in (*others, "data"))
            self._database.execute(
                f"INSERT INTO {table} ({', '.join(columns)})"
                f" VALUES ({', '.join(f':{name}' for name in columns)})"
                f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changes}",
                {name: data.get(name) for name in columns} | {"data": json.dumps(data)},
            )
        elif statement := DELETES.get(type_):
            self._database.execute(statement, data)
        elif type_ == "SyncResetV1":
            self._wipe()
        else:
            assert type_ in CONTROLS, type_

    def _wipe(self) -> None:
        self.wipes += 1
        self._database.execute("PRAGMA foreign_keys = OFF")
        for table in TABLES:
            self._database.execute(f"DELETE FROM {table}")
        self._database.execute("PRAGMA foreign_keys = ON")

    def types(self) -> list[str]:
        """The lines of the newest pull, without the controls."""
        return [type_ for type_, _, _ in self.heard if type_ not in CONTROLS]

    def dump(self) -> dict[str, dict[tuple[str, ...], Any]]:
        """Every row by its key, as in `oracle.truth`."""
        return {
            table: {
                tuple(row[:-1]): json.loads(row[-1])
                for row in self._database.execute(f"SELECT {', '.join(keys)}, data FROM {table}")
            }
            for table, (keys, _) in TABLES.items()
        }
