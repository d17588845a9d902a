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


class Held(NamedTuple):
    key: str
    is_left: bool  # The file there is to be removed.
    is_barred: bool  # It was nobody's, and stays so until commit.
    has_sidecar: bool  # One beside it is still somebody's.
    original_key: str | None  # where its asset says it is, if there is one


class Move(NamedTuple):
    """An original that has a second name by now; keys that are the same did not move."""

    asset_id: UUID
    owner_id: UUID
    old_key: str
    new_key: str
    old_sidecar: str | None
    new_sidecar: str | None
    sidecar: tuple[str, object] | None  # as it was found: key, and when that was written


async def reserve(
    tx: Transaction,
    asset_id: UUID,
    *,
    owner_id: UUID,
    original_key: str,
    names: Iterator[Name],
    with_sidecar: bool,
    is_free: Callable[[str], Awaitable[bool]],
) -> str | None:
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
                return name.key
    return None


async def release(tx: Transaction, asset_id: UUID, key: str) -> None:
    """Give back a name under which somebody put a file meanwhile."""
    await writes.storage_template.release_name(tx, asset_id=asset_id, key=key)


async def reserve_sidecar(
    tx: Transaction, asset_id: UUID, name: Name, is_free: Callable[[str], Awaitable[bool]]
) -> bool:
    """The same of what is to be beside an original that is where it belongs."""
    await writes.storage_template.wait_for_disk(tx)
    rows = await reads.storage_template.list_names(tx, folds=[name.fold])
    own = [row for row in rows if row["asset_id"] == asset_id and row["key"] == name.key]
    if not own:
        return False
    if not own[0]["with_sidecar"] and not await is_free(f"{name.key}{SUFFIX}"):
        return False
    await writes.storage_template.add_sidecar(tx, asset_id=asset_id, fold=name.fold)
    return True


async def record_moves(
    tx: Transaction,
    moves: Sequence[Move],
    copy_sidecar: Callable[[str, str], Awaitable[bool]],
) -> None:
    """Assets of one owner are where their files were put; the old names are removed after that is
    on record. What is not as it was any more is left where it is, and looked at again.

    `copy_sidecar`, from one key to another, is called while nobody else can write of it, and tells
    whether it is there now.
    """
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
        key = held.get(move.asset_id)
        if key == move.old_key and sidecars.get(move.asset_id) != move.sidecar:
            await _request_again(tx, move)
        elif key == move.old_key:
            await _record_move(tx, move, copy_sidecar)
        elif key != move.new_key:
            await _drop(tx, move)  # It was deleted, or went elsewhere.


async def drop_stale(tx: Transaction) -> int:
    """Have removed what was put under names that nobody came to have; of how many."""
    rows = await writes.storage_template.leave_stale(tx, grace=GRACE, patience=PATIENCE)
    keys = [key for row in rows for key in _files(row["key"], with_sidecar=row["with_sidecar"])]
    if keys:
        await log.stage(tx, "storage_name.dropped", EVERYONE, [EVERYONE], keys=keys)
    return len(rows)


async def hold_names(tx: Transaction, names: Sequence[Name]) -> dict[bytes, Held]:
    """Hold names until commit: those that were left, those that somebody has, and those that
    nobody has, which are to be forgotten again."""
    barred: set[bytes] = set()
    held: dict[bytes, Held] = {}
    # Another may forget a name between our two looks at it.
    while missing := {name.fold: name.key for name in names if name.fold not in held}:
        folds, keys = list(missing), list(missing.values())
        rows = await writes.storage_template.bar_names(tx, folds=folds, keys=keys)
        barred |= {row["fold"] for row in rows}
        for row in await writes.storage_template.hold_names(tx, folds=folds):
            held[row["fold"]] = Held(
                row["key"],
                row["is_left"],
                row["fold"] in barred,
                row["has_sidecar"],
                row["original_key"],
            )
    return held


async def forget_names(tx: Transaction, folds: Sequence[bytes]) -> None:
    """The files of names that are held are gone."""
    await writes.storage_template.forget_names(tx, folds=list(folds))


async def _record_move(
    tx: Transaction, move: Move, copy_sidecar: Callable[[str, str], Awaitable[bool]]
) -> None:
    gone = []
    if move.new_key != move.old_key:
        if not await writes.storage_template.settle_name(
            tx, asset_id=move.asset_id, key=move.new_key
        ):
            await _drop(tx, move)  # It took so long that the name was given up.
            await _request_again(tx, move)
            return
        gone += await _record_original(tx, move)
    former, new = move.old_sidecar, move.new_sidecar
    if former and new and new != former and await copy_sidecar(former, new):
        await writes.storage_template.move_sidecar(tx, asset_id=move.asset_id, key=new)
        gone.append(former)
    await log.stage(
        tx, "asset.moved", move.owner_id, [move.asset_id], keys=list(dict.fromkeys(gone))
    )


async def _record_original(tx: Transaction, move: Move) -> list[str]:
    """The keys that the asset leaves."""
    await writes.storage_template.move_original(tx, asset_id=move.asset_id, key=move.new_key)
    gone = [move.old_key]
    for row in await writes.storage_template.leave_names(
        tx, asset_id=move.asset_id, kept_key=move.new_key
    ):
        gone += _files(row["key"], with_sidecar=row["with_sidecar"])
    return gone


async def _drop(tx: Transaction, move: Move) -> None:
    """Have the second name removed, unless somebody has it."""
    if move.new_key != move.old_key:
        keys = _files(move.new_key, with_sidecar=move.new_sidecar is not None)
        await log.stage(tx, "storage_name.dropped", EVERYONE, [EVERYONE], keys=keys)


async def _request_again(tx: Transaction, move: Move) -> None:
    await log.stage(tx, "asset.move_requested", move.owner_id, [move.asset_id])


def _files(key: str, *, with_sidecar: bool) -> list[str]:
    return [key, f"{key}{SUFFIX}"] if with_sidecar else [key]


def _pages(names: Iterator[Name]) -> Iterator[list[Name]]:
    for number in range(1_000_000):
        yield list(islice(names, PAGES[min(number, len(PAGES) - 1)]))
