"""Put originals where the storage template says: a second name, a fact, and then one name less."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Executor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sql import Database, Transaction, reads
from storage import files, inspection, media_types, paths, template
from sync import config
from sync.operations import storage_template
from sync.operations.storage_template import Held, Move
from sync.worker import Consumer, Hopeless, Job, Record

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

LATENESS = timedelta(seconds=30)  # between the time of a move and its being seen
MISSES_MAX = 100  # names

if TYPE_CHECKING:
    Source = reads.storage_template.list_sources_row


def move_consumer(database: Database, root: Path, executor: Executor) -> Consumer:
    mover = _Mover(database, root, executor)

    async def move_originals(job: Job) -> Record:
        async with database.read() as connection:
            settings = (await config.load(connection)).storage_template
        moves = await mover.move(job, settings) if settings.enabled else []
        return partial(_record, root=root, executor=executor, moves=moves)

    return move_originals


def follow(database: Database, consumer: Consumer) -> Consumer:
    """Have that done again, at once, whose original was moved from under it."""

    async def follow_move(job: Job) -> Record:
        begun = time.monotonic()
        try:
            return await consumer(job)
        except (OSError, Hopeless):  # A decoder may say of a file that is gone that it is bad.
            within = timedelta(seconds=time.monotonic() - begun) + LATENESS
            async with database.read() as connection:
                was_moved = await reads.storage_template.was_moved(
                    connection, asset_id=job.entity_id, within=within
                )
            if not was_moved:
                raise
        return await consumer(job)

    return follow_move


async def _record(tx: Transaction, root: Path, executor: Executor, moves: Sequence[Move]) -> None:
    async def copy_sidecar(old_key: str, new_key: str) -> bool:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(executor, _copy_sidecar, root, old_key, new_key)

    if moves:
        await storage_template.record_moves(tx, moves, copy_sidecar)


def _copy_sidecar(root: Path, old_key: str, new_key: str) -> bool:
    """Whether it is there now: it may be lost, or have gone there before its row forgot that."""
    try:
        data = paths.resolve(root, old_key).read_bytes()
    except FileNotFoundError:
        return inspection.is_there(root, new_key)
    files.write_atomically(root, new_key, data, durable=True)
    return True


async def remove_placed(
    tx: Transaction, root: Path, executor: Executor | None, keys: Sequence[str]
) -> None:
    """Remove files that the template placed, unless their names came to be somebody's again, or may
    be all that is left of an asset: a database that was restored knows only where it was before."""
    run = partial(asyncio.get_running_loop().run_in_executor, executor)
    names = {key: template.Name(paths.beside(key), template.fold_beside(key)) for key in keys}
    held = await storage_template.hold_names(tx, list(names.values()))
    for fold, one in list(held.items()):
        if one.original_key and not await run(inspection.is_there, root, one.original_key):
            logger.error("%s stays: %s is not there", one.key, one.original_key)
            del held[fold]
    for key, name in names.items():
        if name.fold in held and _is_left(held[name.fold], key):
            await run(files.remove, root, key)
    gone = [
        fold
        for fold, name in held.items()
        if name.is_barred or (name.is_left and name.key in names)
    ]
    await storage_template.forget_names(tx, gone)


def _is_left(name: Held, key: str) -> bool:
    if not name.is_left or name.key != paths.beside(key):
        return False
    return key == name.key or not name.has_sidecar


class _Mover:
    """Gives files their second names; what it reserved and did not use is dropped in time."""

    def __init__(self, database: Database, root: Path, executor: Executor) -> None:
        self._database, self._root, self._executor = database, root, executor

    async def move(self, job: Job, settings: config.StorageTemplate) -> list[Move]:
        """An asset, and its moving part."""
        try:
            wanted = template.Template(settings.template)
        except template.BadTemplate as problem:
            raise Hopeless(f"The storage template is invalid: {problem}") from problem
        async with self._database.read() as connection:
            sources = await reads.storage_template.list_sources(
                connection, asset_id=job.entity_id, with_album_dates=wanted.needs_album_dates
            )
        is_verified = settings.hash_verification_enabled
        moves = [
            await self._move(source, _place(wanted, source), is_verified=is_verified)
            for source in sources
            if source["original_key"].startswith((f"{paths.ORIGINALS}/", f"{paths.LIBRARY}/"))
        ]
        return [move for move in moves if move]

    async def _move(
        self, source: Source, place: template.Place, *, is_verified: bool
    ) -> Move | None:
        """None: there is nothing to do, or the asset is not there any more."""
        try:
            if place.holds(source["original_key"]):
                return await self._move_sidecar(source)
            return await self._move_both(source, place, is_verified=is_verified)
        except files.Different as problem:
            raise Hopeless(f"It stays where it is: {problem}") from problem
        except FileNotFoundError:
            if not await self._is_still(source):
                return None  # Who moved or deleted it meanwhile cares for the rest.
            if move := await self._recover(source, place):
                return move
            raise

    async def _move_both(
        self, source: Source, place: template.Place, *, is_verified: bool
    ) -> Move | None:
        refused: set[str] = set()
        while key := await self._reserve(
            source, (name for name in place.names() if name.key not in refused), self._is_free
        ):
            link = partial(
                files.link, self._root, source["original_key"], key,
                size=source["file_bytes"], checksum=source["checksum"] if is_verified else None,
            )  # fmt: skip
            try:
                await self._run(link)
            except FileExistsError:
                refused.add(key)
                async with self._database.write() as tx:
                    await storage_template.release(tx, source["id"], key)
            else:
                return _moved(source, key)
        return None

    async def _recover(self, source: Source, place: template.Place) -> Move | None:
        """It was moved before; then a database was restored that names the place before that."""
        name = await self._run(partial(_find_moved, self._root, source, place))
        if name is None:
            return None

        async def is_own(key: str) -> bool:
            return True

        key = await self._reserve(source, iter([name]), is_own)
        if key:
            logger.warning("%s was found at %s", source["original_key"], key)
        return _moved(source, key) if key else None

    async def _reserve(
        self,
        source: Source,
        names: Iterator[template.Name],
        is_free: Callable[[str], Awaitable[bool]],
    ) -> str | None:
        async with self._database.write() as tx:
            return await storage_template.reserve(
                tx,
                source["id"],
                owner_id=source["owner_id"],
                original_key=source["original_key"],
                names=names,
                with_sidecar=source["sidecar_key"] is not None,
                is_free=is_free,
            )

    async def _is_free(self, key: str) -> bool:
        return not await self._run(partial(os.path.lexists, paths.resolve(self._root, key)))

    async def _is_still(self, source: Source) -> bool:
        async with self._database.read() as connection:
            now = await reads.assets.get_source(connection, asset_id=source["id"])
        before = (source["original_key"], source["sidecar_key"])
        return now is not None and (now["original_key"], now["sidecar_key"]) == before

    async def _move_sidecar(self, source: Source) -> Move | None:
        """It was stored when the original was here already."""
        key, former = source["original_key"], source["sidecar_key"]
        if not former or former == paths.sidecar(key):
            return None
        name = template.Name(key, template.fold(key))
        async with self._database.write() as tx:
            is_reserved = await storage_template.reserve_sidecar(
                tx, source["id"], name, self._is_free
            )
        return _moved(source, key) if is_reserved else None

    async def _run(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)


def _find_moved(root: Path, source: Source, place: template.Place) -> template.Name | None:
    """The name under which its bytes are; there may be gaps in the row of names."""
    misses = 0
    for name in place.names():
        path = paths.resolve(root, name.key)
        if not path.is_file():
            misses += 1
        elif path.stat().st_size == source["file_bytes"] and (
            inspection.checksum(root, name.key) == source["checksum"]
        ):
            return name
        if misses == MISSES_MAX:
            return None
    return None


def _place(wanted: template.Template, source: Source) -> template.Place:
    return wanted.place(
        template.Subject(
            asset_id=source["shown_id"],
            type=source["shown_type"],
            file_name=source["shown_file_name"],
            taken_at=source["local_date_time"],
            album=source["album"],
            album_start=source["album_start"],
            album_end=source["album_end"],
            make=source["make"],
            model=source["model"],
            lens_model=source["lens_model"],
        ),
        extension=media_types.extension(source["original_key"]),
        folder=source["storage_label"] or str(source["owner_id"]),
        owner_id=source["owner_id"],
    )


def _moved(source: Source, key: str) -> Move:
    former = source["sidecar_key"]
    return Move(
        asset_id=source["id"],
        owner_id=source["owner_id"],
        old_key=source["original_key"],
        new_key=key,
        old_sidecar=former,
        new_sidecar=paths.sidecar(key) if former else None,
        sidecar=(former, source["sidecar_at"]) if former else None,
    )
