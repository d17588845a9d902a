"""Consumers that keep sidecars in step with what people say."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from media import sidecar
from media.xmp import Malformed
from sql import Database, Transaction, reads
from storage import files, paths
from sync.operations import sidecars
from sync.worker import Consumer, Hopeless, Job, Record

if TYPE_CHECKING:
    from media.sidecar import Said


def sidecar_consumer(database: Database, root: Path, executor: Executor | None) -> Consumer:
    """Of originals that are ours; nothing is written into the folders of external libraries."""

    async def write_sidecar(job: Job) -> Record:
        async with database.read() as connection:
            said = await reads.sidecars.get_said(connection, asset_id=job.entity_id)
        if said is None or said["library_id"] is not None:
            return _record_nothing
        data = await asyncio.get_running_loop().run_in_executor(executor, _merge, root, said)
        if data is None and not _is_to_be_said(said):
            return _record_nothing
        return partial(_record, root=root, executor=executor, said=said, data=data)

    return write_sidecar


def tag_consumer() -> Consumer:
    async def request_sidecars(job: Job) -> Record:
        return partial(
            sidecars.request_naming,
            owner_id=job.scope,
            values=job.facts["values"],
            after=UUID(job.facts["after"]),
        )

    return request_sidecars


def _merge(root: Path, said: Said) -> bytes | None:
    """What is to be written, if anything. What another program, or a worker that died, left where
    the sidecar belongs is gone on with."""
    base, key = None, said["sidecar_key"] or paths.sidecar(said["original_key"])
    with suppress(FileNotFoundError):  # It was lost; or moved, so that this is done again.
        base = paths.resolve(root, key).read_bytes()
    try:
        data = sidecar.merge(base, said)
    except Malformed as problem:
        raise Hopeless(f"The sidecar stays as it is: {problem}") from problem
    is_found = base is not None and said["sidecar_key"] is None and _is_to_be_said(said)
    return base if data is None and is_found else data


def _is_to_be_said(said: Said) -> bool:
    return said["is_unwritten"] or said["tags"] != said["written_tags"]


async def _record(
    tx: Transaction, *, root: Path, executor: Executor | None, said: Said, data: bytes | None
) -> None:
    """Put the sidecar in its place while nobody can move its asset, or say anything else of it.

    Who dies in between leaves a sidecar that says what is so.
    """
    if not await sidecars.hold_said(tx, said):
        return
    key = said["sidecar_key"]
    if data is not None:
        key = key or paths.sidecar(said["original_key"])
        put = partial(files.write_atomically, root, key, data, durable=True)
        await asyncio.get_running_loop().run_in_executor(executor, put)
    await sidecars.record_sidecar(tx, said, key)


async def _record_nothing(tx: Transaction) -> None:
    """It is gone, or there is nothing to write."""
