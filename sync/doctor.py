"""How each device's copy is: how far, how its last stream went, and what may be wrong with it."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sql import Connection, Database, Transaction, reads, writes
from sync import checkpoints, fitness, schedule
from sync.errors import Invalid
from sync.feeds import FEEDS
from sync.fitness import Unfit
from sync.operations import quarantine
from sync.topics import EVERYONE

logger = logging.getLogger(__name__)

# What may be compared: what a request brings that is the user's own, that is everyone's, that a
# whole album or a partner's library brings, or that albums show of other people's.
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
SHOWN = ("AlbumAssetsV2", "AlbumAssetExifsV1")
COMPARABLE = [*OWN, "UsersV1", *(name for names in GRANTED.values() for name in names), *SHOWN]

QUIET_LINES = 1  # A stream that has no news is one line long.
YOUNG = timedelta(minutes=5)
NAMED_MAX = 20  # in the log of this process


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


class Searched(NamedTuple):
    """What is held back that was not before, and how many lines may be sent again."""

    held: list[Unfit]
    released: int


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


async def get_copy(connection: Connection, session_id: UUID) -> Copy:
    """Raises Invalid."""
    copies = await list_copies(connection, session_id=session_id)
    if not copies:
        raise Invalid("Unknown session, or one that never synced")
    return copies[0]


async def digest(connection: Connection, user_id: UUID, pos: int) -> dict[str, Digest]:
    """What a copy holds of each request that may be compared, when it has all up to a position."""
    wanted = [(request, kind, user_id, 0) for request, kind in OWN.items()]
    wanted.append(("UsersV1", "user", EVERYONE, 0))
    albums = []
    for grant in await reads.checkpoints.list_grants(connection, user_id=user_id):
        if grant["since"] <= pos and (not grant["is_gone"] or grant["pos"] > pos):
            reach = 2 if grant["kind"] == "partner_grant" else 0
            wanted += [
                (request, kind, grant["key"], reach)
                for request, kind in GRANTED[grant["kind"]].items()
            ]
            albums += [grant["key"]] if grant["kind"] == "album_grant" else []
    requests, kinds, scopes, reaches = (list(column) for column in zip(*wanted, strict=True))
    rows = await reads.doctor.digest_kinds(
        connection,
        requests=requests,
        kinds=kinds,
        scopes=scopes,
        reaches=reaches,
        albums=albums,
        user_id=user_id,
        pos=pos,
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
    await get_copy(tx, session_id)
    types = {feed.cursor or feed.type for feed in feeds} | {feed.backfill for feed in feeds}
    types |= {type_.replace("Create", "Update") for type_ in types}
    begun = (await checkpoints.list_acks(tx, session_id)).get("SyncResetV1")
    await checkpoints.delete_acks(tx, session_id, types - {""})
    return begun is not None and begun.pos >= (await reads.log.head(tx))["floor"]


async def start_anew(tx: Transaction, session_id: UUID) -> None:
    """Let the device throw away its copy at its next stream."""
    await writes.checkpoints.set_pending_reset(tx, session_id=session_id, is_pending=True)


async def search(
    database: Database, user_ids: Iterable[UUID], *, is_again: bool = False
) -> Searched | None:
    """Hold back what would jam a phone of these users; `is_again`: after trying again all that is
    held. None: somebody else is at it."""
    released = 0
    held: list[Unfit] = []
    async with schedule.turn(database, "quarantine") as is_ours:
        if not is_ours:
            return None
        if is_again:
            async with database.write() as tx:
                released, held = await quarantine.release_fit(tx)
        for user_id in user_ids:
            async with database.read() as connection:
                if not await fitness.list_jams(connection, user_id):
                    continue
            async with database.write() as tx:
                held += await quarantine.hold_unfit(tx, [user_id])
    for one in held[:NAMED_MAX]:
        what = f" without {', '.join(one.fields)}" if one.fields else ""
        logger.warning("In quarantine%s: %s %s, %s", what, one.kind, one.key, one.reason)
    if len(held) > NAMED_MAX:
        logger.warning("In quarantine: %d more", len(held) - NAMED_MAX)
    return Searched(held, released)


async def search_all(database: Database) -> Searched | None:
    """The same for everybody, and for all that is held."""
    async with database.read() as connection:
        users = await reads.doctor.list_user_ids(connection)
    return await search(database, [row["id"] for row in users], is_again=True)


async def note_stream(
    database: Database,
    session_id: UUID,
    *,
    lines: int,
    bytes_: int,
    seconds: float,
    problem: str | None,
) -> None:
    """How a stream went; `problem` None: it was sent to its end.

    A stream with nothing new after another is noted now and then only. Two with something that
    began at the same place tell of a phone that could not apply the first: then what jams it is
    held back.
    """
    async with database.read() as connection:
        last = await reads.doctor.get_note(connection, session_id=session_id, young=YOUNG)
    if last is None:
        return
    was_well = last["problem"] is None and last["line_count"] <= QUIET_LINES
    if problem is None and lines <= QUIET_LINES and was_well and last["is_young"]:
        return
    searched = last["searched"]
    is_stuck = last["cursors"] == last["here"] and min(lines, last["line_count"]) > QUIET_LINES
    if is_stuck and searched != last["head"]:
        async with database.read() as connection:
            seen = await reads.doctor.list_seen(connection, user_id=last["user_id"])
        if await search(database, [row["id"] for row in seen]):
            searched = last["head"]
    async with database.write() as tx:
        await writes.doctor.note_stream(
            tx,
            session_id=session_id,
            line_count=lines,
            byte_count=bytes_,
            seconds=seconds,
            problem=problem,
            cursors=last["here"],
            searched=searched,
        )
