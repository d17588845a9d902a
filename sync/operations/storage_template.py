"""Where originals lie as the template says: names that are taken, and files that moved to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from itertools import islice
from typing import NamedTuple, Protocol
from uuid import UUID

from sql import Transaction, reads, writes
from sync import log
from sync.topics import EVERYONE

GRACE = timedelta(hours=1)
PATIENCE = timedelta(days=2)  # A film may be copied to another disk for hours.
PAGES = (10, 100, 1000)  # names looked at together, and then as many as the last
SUFFIX = ".xmp"  # A sidecar lies beside its original.


class Name(Protocol):
    """A key, and what is the same for all that a disk may take for it."""

    @property
    def key(self) -> str: ...

    @property
    def fold(self) -> bytes: ...


class Reserved(NamedTuple):
    key: str
    is_resumed: bool  # It was meant for this asset before, whose file may be there.


class Held(NamedTuple):
    key: str
    is_left: bool  # The file there is to be removed.
    has_sidecar: bool  # One beside it is still somebody's.


class Move(NamedTuple):
    """Files of an asset that have second names by now; keys that are the same did not move."""

    asset_id: UUID
    owner_id: UUID
    old_key: str
    new_key: str
    old_sidecar: str | None
    new_sidecar: str | None
    sidecar: tuple[str, object] | None  # as it was found: key, and when that was written


class Changed(Exception):
    """What was moved is not what it was any more: look again."""


async def reserve(
    tx: Transaction,
    asset_id: UUID,
    *,
    owner_id: UUID,
    original_key: str,
    names: Iterator[Name],
    with_sidecar: bool,
    is_free: Callable[[str], Awaitable[bool]],
) -> Reserved | None:
    """Take the first name that nobody has, and that no file has; rather one that was this asset's
    already. From its commit on what is there is the asset's. None: that went away.

    `is_free` tells whether there is no file of a key.
    """
    await writes.storage_template.wait_for_disk(tx)
    held = await writes.assets.lock_assets(tx, asset_ids=[asset_id], owner_id=owner_id)
    if not held or held[0]["original_key"] != original_key:
        return None
    for page in _pages(names):
        rows = await reads.storage_template.list_names(tx, folds=[name.fold for name in page])
        taken = {row["fold"] for row in rows}
        own = {row["key"]: row["with_sidecar"] for row in rows if row["asset_id"] == asset_id}
        for name in sorted(page, key=lambda name: name.key not in own):
            if name.fold in taken and name.key not in own:
                continue
            claimed = [] if name.key in own else [name.key]
            if with_sidecar and not own.get(name.key):
                claimed.append(f"{name.key}{SUFFIX}")
            if not all([await is_free(key) for key in claimed]):
                continue
            if await writes.storage_template.reserve_name(
                tx, fold=name.fold, key=name.key, asset_id=asset_id, with_sidecar=with_sidecar
            ):
                return Reserved(name.key, name.key in own)
    return None


async def release(tx: Transaction, asset_id: UUID, key: str, *, is_linked: bool) -> None:
    """Give back a name under which somebody put a file meanwhile; or, if the original has it,
    beside which."""
    if not is_linked:
        await writes.storage_template.release_name(tx, asset_id=asset_id, key=key)
    elif await writes.storage_template.give_up_name(tx, asset_id=asset_id, key=key):
        await log.stage(tx, "storage_name.dropped", EVERYONE, [EVERYONE], keys=[key])


async def record_moves(tx: Transaction, moves: Sequence[Move]) -> None:
    """Assets of one owner are where their files were put; the old names are removed after that is
    on record. Raises Changed."""
    await writes.storage_template.wait_for_disk(tx)
    ids = [move.asset_id for move in moves]
    held = {
        row["id"]: row["original_key"]
        for row in await writes.assets.lock_assets(tx, asset_ids=ids, owner_id=moves[0].owner_id)
    }
    sidecars = {
        row["asset_id"]: (row["key"], row["updated_at"])
        for row in await reads.storage_template.list_sidecars(tx, asset_ids=ids)
    }
    for move in sorted(moves):
        if move.asset_id not in held:
            await _drop(tx, [move.new_key] if move.new_key != move.old_key else [], move)
        elif held[move.asset_id] == move.old_key:
            await _record_move(tx, move, sidecars.get(move.asset_id))
        elif held[move.asset_id] != move.new_key:
            raise Changed(f"{move.asset_id} went elsewhere meanwhile")


async def drop_stale(tx: Transaction) -> int:
    """Have removed what was put under names that nobody came to have; of how many."""
    rows = await writes.storage_template.leave_stale(tx, grace=GRACE, patience=PATIENCE)
    keys = [key for row in rows for key in _files(row["key"], with_sidecar=row["with_sidecar"])]
    if keys:
        await log.stage(tx, "storage_name.dropped", EVERYONE, [EVERYONE], keys=keys)
    return len(rows)


async def hold_names(tx: Transaction, folds: Sequence[bytes]) -> dict[bytes, Held]:
    """Hold names until commit: those that were left, and those that somebody has."""
    rows = await writes.storage_template.hold_names(tx, folds=list(folds))
    return {
        row["fold"]: Held(row["key"], is_left=row["is_left"], has_sidecar=row["has_sidecar"])
        for row in rows
    }


async def forget_names(tx: Transaction, folds: Sequence[bytes]) -> None:
    """The files of names that are held are gone."""
    await writes.storage_template.forget_names(tx, folds=list(folds))


async def _record_move(tx: Transaction, move: Move, sidecar: tuple[str, object] | None) -> None:
    if sidecar != move.sidecar:
        raise Changed(f"The sidecar of {move.asset_id} was written meanwhile")
    gone = []
    if move.new_key != move.old_key:
        settled = await writes.storage_template.settle_name(
            tx, asset_id=move.asset_id, key=move.new_key
        )
        if not settled:
            raise Changed(f"{move.new_key} was given up meanwhile")
        await writes.storage_template.move_original(tx, asset_id=move.asset_id, key=move.new_key)
        gone.append(move.old_key)
        for row in await writes.storage_template.leave_names(
            tx, asset_id=move.asset_id, kept_key=move.new_key
        ):
            gone += _files(row["key"], with_sidecar=row["with_sidecar"])
    if move.new_sidecar != move.old_sidecar and move.new_sidecar and move.old_sidecar:
        await writes.storage_template.move_sidecar(tx, asset_id=move.asset_id, key=move.new_sidecar)
        gone.append(move.old_sidecar)
    await log.stage(
        tx, "asset.moved", move.owner_id, [move.asset_id], keys=list(dict.fromkeys(gone))
    )


async def _drop(tx: Transaction, keys: Sequence[str], move: Move) -> None:
    """It was deleted meanwhile: nobody knows of its new names but the names themselves."""
    gone = [*keys, *([move.new_sidecar] if move.new_sidecar != move.old_sidecar else [])]
    if gone:
        await log.stage(tx, "storage_name.dropped", EVERYONE, [EVERYONE], keys=gone)


def _files(key: str, *, with_sidecar: bool) -> list[str]:
    return [key, f"{key}{SUFFIX}"] if with_sidecar else [key]


def _pages(names: Iterator[Name]) -> Iterator[list[Name]]:
    for number in range(1_000_000):
        yield list(islice(names, PAGES[min(number, len(PAGES) - 1)]))
