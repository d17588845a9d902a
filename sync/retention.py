"""What is forgotten and when: old parts of the log, tombstones, and whoever stayed away too long.

A tombstone goes only once no device needs it. What a device needs is known from two things: where
its copy began (it holds nothing that was gone by then), and the ack of its last complete stream,
which says in bits what that stream was asked for. Acks of single types do not tell: a client that
was never sent a delete has none, and one that deleted its acks may hold anything.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sql import Database, Transaction, reads, writes
from sync.checkpoints import Ack
from sync.errors import Unauthenticated

CUT_EVERY = timedelta(days=7)
KEEP = timedelta(days=31)
KEEP_MAX = timedelta(days=90)  # for a device that stays away
TOMBSTONES_MAX = 10_000  # in one transaction: the sequencer waits for it

# The place of a request is its bit, in acks that devices keep: new ones go to the end.
_BITS = """
AuthUsersV1 UsersV1 PartnersV1 AssetsV1 AssetsV2 StacksV1 PartnerAssetsV1 PartnerAssetsV2
PartnerStacksV1 AlbumAssetsV1 AlbumAssetsV2 AlbumsV1 AlbumsV2 AlbumUsersV1 AlbumToAssetsV1
AssetExifsV1 AlbumAssetExifsV1 AssetOcrV1 PartnerAssetExifsV1 MemoriesV1 MemoryToAssetsV1 PeopleV1
AssetFacesV1 AssetFacesV2 UserMetadataV1 AssetMetadataV1 AssetEditsV1
AuthUsersV2 MemoriesV2 AssetFacesV3
"""
BITS = {name: 1 << place for place, name in enumerate(_BITS.split())}


class Pruned(NamedTuple):
    parts: int  # of the log
    tombstones: int
    sessions: int  # that must start anew


async def prune(database: Database) -> Pruned:
    """Forget what is old enough and nobody needs. Writes nothing when there is nothing to do."""
    async with database.write() as tx:
        await writes.retention.cut_log(tx, every=CUT_EVERY)
    async with database.write() as tx:
        parts = await writes.retention.drop_log(tx, keep=KEEP)
    sessions = tombstones = 0
    async with database.write() as tx:
        # In one transaction: from where on tombstones go, and who has to start anew for it.
        raised = await writes.retention.raise_floor(tx, keep=KEEP, keep_max=KEEP_MAX)
        if raised:
            sessions = await writes.retention.reset_left_behind(tx, floor=raised["pos"])
    while True:
        async with database.write() as tx:
            if not await reads.retention.has_forgotten(tx):
                return Pruned(parts, tombstones, sessions)
            await writes.retention.hold_head(tx)
            tombstones += await writes.retention.delete_tombstones(tx, limit=TOMBSTONES_MAX)


def bits(requests: Collection[str]) -> int:
    return sum(BITS[request] for request in set(requests))


def has_begun(acks: Mapping[str, Ack], requests: Collection[str]) -> bool:
    """Whether it is noted already that the device may hold what it asks for."""
    begun = acks.get("SyncResetV1")
    return begun is not None and not bits(requests) & ~begun.part


async def begin_copy(tx: Transaction, session_id: UUID, requests: Collection[str]) -> None:
    """Before anything is sent: note since when the device may hold what it asks for. Raises
    Unauthenticated when it was logged out since it asked."""
    if not await writes.retention.begin_copy(tx, session_id=session_id, requests=bits(requests)):
        raise Unauthenticated("Invalid user token")


def is_left_behind(acks: Mapping[str, Ack], requests: Collection[str], floor: int) -> bool:
    """Whether the copy may hold something whose tombstone is gone.

    A type that was never asked for before is no matter: nothing of it can be there.
    """
    if not acks:
        return False
    begun, complete = acks.get("SyncResetV1"), acks.get("SyncCompleteV1")
    since = begun.pos if begun else 0
    held = bits(requests) & (begun.part if begun else ~0)
    if complete is not None and complete.pos >= floor:
        held &= ~complete.part
    return bool(held) and since < floor
