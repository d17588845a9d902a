"""Consumers of the queues: from a job to what to record of it."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from media import images, metadata
from sql import Database, Transaction, reads
from storage import files, paths
from sync.operations import renditions
from sync.worker import Consumer, Job, Record


def metadata_consumer(database: Database, root: Path) -> Consumer:
    async def extract_metadata(job: Job) -> Record:
        source = await _source(database, job.entity_id)
        if source is None:
            return _record_nothing
        found = await asyncio.to_thread(_read, root, source)
        return partial(renditions.record_metadata, asset_id=source["id"], found=found)

    return extract_metadata


def thumbnail_consumer(database: Database, root: Path) -> Consumer:
    async def make_thumbnail(job: Job) -> Record:
        source = await _source(database, job.entity_id)
        if source is None or source["type"] != "IMAGE":
            return _record_nothing
        made = await asyncio.to_thread(_render, root, source)
        return partial(renditions.record_thumbnail, asset_id=source["id"], **made)

    return make_thumbnail


def file_removal_consumer(root: Path) -> Consumer:
    async def remove_files(job: Job) -> Record:
        for key in job.facts["keys"]:
            await asyncio.to_thread(files.remove, root, key)
        return _record_nothing

    return remove_files


async def _record_nothing(tx: Transaction) -> None:
    """The asset is gone, or there is nothing to make of it."""


async def _source(database: Database, asset_id: UUID) -> reads.assets.get_source_row | None:
    async with database.read() as connection:
        return await reads.assets.get_source(connection, asset_id=asset_id)


def _read(root: Path, source: reads.assets.get_source_row) -> renditions.Metadata:
    return metadata.read(
        paths.resolve(root, source["original_key"]),
        file_created_at=source["file_created_at"],
        file_modified_at=source["file_modified_at"],
        sidecar=paths.resolve(root, source["sidecar_key"]) if source["sidecar_key"] else None,
    )


def _render(root: Path, source: reads.assets.get_source_row) -> dict[str, Any]:
    """Make and store the renditions; return what there is to record."""
    made = images.render(paths.resolve(root, source["original_key"]))
    keys = {
        "thumbnail_key": paths.thumbnail(source["owner_id"], source["id"]),
        "preview_key": paths.preview(source["owner_id"], source["id"]),
    }
    for key, data in zip(keys.values(), (made.thumbnail, made.preview), strict=True):
        files.write_atomically(root, key, data, durable=False)
    return {"thumbhash": made.thumbhash, "width": made.width, "height": made.height, **keys}
