"""Compare rows with files: what is missing, what is nobody's, what is not what it was."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from uuid import UUID

from server.context import Context
from sql import Transaction, reads
from storage import files, inspection, paths, template
from sync.actor import Actor
from sync.errors import Invalid
from sync.operations import integrity, system
from sync.operations.integrity import Resolved

PAGE = 1000
PAGE_READ = 50  # Whole files are read: note often how far that is.
FIRST = UUID(int=0)
CHECKPOINT = "integrity-checksum-checkpoint"
UUID_CHARACTERS = 36


async def check_missing(context: Context) -> None:
    """Originals, and what was made of them, that rows name and the disk has not."""
    after = FIRST
    while rows := await _originals(context, after, PAGE):
        there = await _look(context, [row["key"] for row in rows])
        found = {row["id"]: row["key"] for row in rows if row["key"] not in there}
        async with context.database.write() as tx:
            await integrity.report_originals(tx, "missing_file", found=found, fine=sorted(there))
        after = rows[-1]["id"]
    async for page in _files(context):
        there = await _look(context, [row["key"] for row in page])
        found = {row["id"]: row["key"] for row in page if row["key"] not in there}
        async with context.database.write() as tx:
            await integrity.report_files(tx, found=found, fine=sorted(there))
    async with context.database.write() as tx:
        await integrity.note_check(tx, "missing_file")


async def check_untracked(context: Context) -> None:
    """Files that no row needs; and those that were reported, and are needed or gone."""
    batches = inspection.walk(context.root)
    while keys := await asyncio.to_thread(next, batches, None):
        tracked = await list_tracked(context, keys)
        found = [key for key in keys if key not in tracked]
        async with context.database.write() as tx:
            await integrity.report_untracked(tx, found=found, fine=sorted(tracked))
    after = FIRST
    while True:
        async with context.database.read() as connection:
            rows = await reads.integrity.list_reports(
                connection, type="untracked_file", after=after, limit=PAGE
            )
        if not rows:
            break
        keys = [row["key"] for row in rows]
        there = await _look(context, keys) - await list_tracked(context, keys)
        async with context.database.write() as tx:
            await integrity.report_untracked(tx, found=[], fine=sorted({*keys} - there))
        after = rows[-1]["id"]
    async with context.database.write() as tx:
        await integrity.note_check(tx, "untracked_file")


async def check_checksums(context: Context) -> None:
    """Read originals and compare, from where it stopped the last time, around to there again,
    for as long, and for as many, as the settings let it."""
    limits = context.config.integrity_checks.checksum_files
    until = time.monotonic() + limits.time_limit / 1000
    async with context.database.read() as connection:
        total = await reads.integrity.count_originals(connection)
        row = await reads.settings.get_metadata(connection, key=CHECKPOINT)
    begin = after = UUID(row["value"]["after"]) if row and row["value"].get("after") else FIRST
    remaining, is_around = int(total * limits.percentage_limit), begin == FIRST
    while remaining > 0 and time.monotonic() < until:
        rows = await _originals(context, after, min(PAGE_READ, remaining))
        if is_around and begin != FIRST:
            rows = [row for row in rows if row["id"] <= begin]
        if not rows and is_around:
            after = FIRST if begin == FIRST else begin
            break
        if not rows:
            after, is_around = FIRST, True
            continue
        await _compare(context, rows)
        after, remaining = rows[-1]["id"], remaining - len(rows)
    async with context.database.write() as tx:
        await system.set_metadata(tx, CHECKPOINT, {"after": str(after)})
        await integrity.note_check(tx, "checksum_mismatch")


async def act_on(context: Context, actor: Actor, report_id: UUID) -> None:
    """As an administrator decided: trash the asset, have its file made again, or remove the file
    that nobody needs, and that is none that is missing elsewhere. Raises Invalid."""
    async with context.database.write() as tx:
        key = await integrity.resolve(tx, actor, report_id)
        if key and await list_tracked(context, [key]):
            raise Resolved  # A row came to need it since it was looked at.
        if key and await _is_missed(context, tx, key):
            raise Invalid("The file has the bytes of an original that is missing")
    if key:
        await asyncio.to_thread(files.remove, context.root, key)


async def act_on_all(context: Context, actor: Actor, type_: integrity.Type) -> None:
    """The same of every report of a type that there is now."""
    after = FIRST
    while True:
        async with context.database.read() as connection:
            rows = await reads.integrity.list_reports(
                connection, type=type_, after=after, limit=PAGE
            )
        if not rows:
            return
        for row in rows:
            with suppress(Invalid):  # Somebody else was faster, or the file is needed after all.
                await act_on(context, actor, row["id"])
        after = rows[-1]["id"]


async def list_tracked(context: Context, keys: Sequence[str]) -> set[str]:
    """Those of the files that some row needs."""
    tracked = await _list_placed(context, [key for key in keys if paths.is_placed(key)])
    ids = {key: _id_in(key) for key in keys if key not in tracked}
    named = [id_ for id_ in ids.values() if id_]
    async with context.database.read() as connection:
        for is_foreign in (False, True):
            asked = [key for key, id_ in ids.items() if (id_ is None) == is_foreign]
            if asked:
                rows = await reads.integrity.list_tracked(
                    connection, keys=asked, ids=named, is_foreign=is_foreign
                )
                tracked |= {row["key"] for row in rows}
    return tracked


async def _list_placed(context: Context, keys: Sequence[str]) -> set[str]:
    """Those that are where the storage template put them, or are on their way there, or away."""
    folds = {key: template.fold_beside(key) for key in keys}
    async with context.database.read() as connection:
        rows = await reads.storage_template.list_names(connection, folds=sorted(folds.values()))
    tracked = {row["key"] for row in rows}
    return tracked | {paths.sidecar(row["key"]) for row in rows if row["has_sidecar"]}


async def _is_missed(context: Context, tx: Transaction, key: str) -> bool:
    """After a restore rows may name where files were before they were moved."""
    if not await reads.integrity.has_missing(tx):
        return False
    checksum = await asyncio.to_thread(inspection.checksum, context.root, key)
    return checksum is not None and await reads.integrity.is_missing(tx, checksum=checksum)


async def _compare(context: Context, rows: Sequence[reads.integrity.list_originals_row]) -> None:
    found: dict[UUID, str] = {}
    fine = []
    for row in rows:
        checksum = await asyncio.to_thread(inspection.checksum, context.root, row["key"])
        if checksum is not None and checksum != row["checksum"]:
            found[row["id"]] = row["key"]
        else:  # What is missing is another report.
            fine.append(row["key"])
    async with context.database.write() as tx:
        await integrity.report_originals(tx, "checksum_mismatch", found=found, fine=fine)


async def _originals(
    context: Context, after: UUID, limit: int
) -> list[reads.integrity.list_originals_row]:
    async with context.database.read() as connection:
        return await reads.integrity.list_originals(connection, after=after, limit=limit)


async def _files(context: Context) -> AsyncIterator[list[reads.integrity.list_files_row]]:
    after = FIRST
    while True:
        async with context.database.read() as connection:
            rows = await reads.integrity.list_files(connection, after=after, limit=PAGE)
        if not rows:
            return
        yield rows
        after = rows[-1]["id"]


async def _look(context: Context, keys: Sequence[str]) -> set[str]:
    """Those that are there."""

    def look() -> set[str]:
        return {key for key in keys if inspection.is_there(context.root, key)}

    return await asyncio.to_thread(look)


def _id_in(key: str) -> UUID | None:
    """The asset's or the person's, with which the names of all their files begin that are named
    here; others may begin with anything."""
    if not paths.is_ours(key):
        return None
    try:
        return UUID(key.rpartition("/")[2][:UUID_CHARACTERS])
    except ValueError:
        return None
