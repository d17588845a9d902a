"""Consumers of the queues: from a job to what to record of it."""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from media import edited, extraction, faces, images, metadata, moves, transcode, video
from media.apart import NotApart
from media.errors import UnreadableImage
from sql import Database, Transaction, reads
from storage import files, paths
from storage.files import StorageFull
from sync import config, forms, queues, topics
from sync.operations import edits, people, person_thumbnails, renditions
from sync.operations.rendition_files import File
from sync.worker import Consumer, Job, Record

logger = logging.getLogger(__name__)
WATCH_SECONDS = 5.0  # A film takes hours; whoever deletes it does not want them spent.


def metadata_consumer(database: Database, root: Path) -> Consumer:
    rendering: set[UUID] = set()

    async def render_beside(
        job: Job, source: reads.assets.get_source_row, most: int
    ) -> dict[str, Any] | None:
        """What the next job would make, if it may be made now. Somebody waits for what was just
        uploaded; but what may have killed a worker is read first, and what fails is that job's."""
        is_new = job.topic == "asset.uploaded" and job.attempts == 1 and source["type"] == "IMAGE"
        if not is_new or len(rendering) >= most:
            return None
        rendering.add(job.entity_id)
        try:
            return await asyncio.to_thread(_render, root, source)
        except (UnreadableImage, NotApart, StorageFull, OSError) as problem:
            logger.debug("%s is left to its own job: %s", job.entity_id, problem)
            return None
        finally:
            rendering.discard(job.entity_id)

    async def extract_metadata(job: Job) -> Record:
        async with database.read() as connection:
            source = await reads.assets.get_source(connection, asset_id=job.entity_id)
            settings = await config.load(connection)
            paused = {row["name"] for row in await reads.jobs.list_paused(connection)}
        if source is None:
            return _record_nothing
        most = queues.concurrency(settings, topics.THUMBNAIL.name)
        if queues.name_of(topics.THUMBNAIL.name) in paused:
            most = 0
        rendered = asyncio.create_task(render_beside(job, source, most))
        try:
            found = await asyncio.to_thread(_read, root, source)
            if not settings.metadata.faces.import_:
                found.faces = None
            film = await extraction.take_out(database, root, source, found)
            pictures = await rendered
        finally:
            rendered.cancel()
        return partial(
            renditions.record_metadata,
            asset_id=source["id"],
            found=found,
            sidecar=(source["sidecar_key"], source["sidecar_at"]),
            film=film,
            pictures=pictures,
        )

    return extract_metadata


def thumbnail_consumer(database: Database, root: Path) -> Consumer:
    async def make_thumbnail(job: Job) -> Record:
        source = await _source(database, job.entity_id)
        if source is None:
            return _record_nothing
        made = await asyncio.to_thread(_render, root, source)
        # Who asks for the pictures again means also those of what was edited.
        with_edit = job.facts.get("with_edit", True)
        return partial(
            renditions.record_thumbnail, asset_id=source["id"], with_edit=with_edit, **made
        )

    return make_thumbnail


def transcode_consumer(database: Database, root: Path, executor: Executor) -> Consumer:
    async def make_encoded_video(job: Job) -> Record:
        source = await _source(database, job.entity_id)
        if source is None or source["type"] != "VIDEO":
            return _record_nothing
        async with database.read() as connection:
            settings = (await config.load(connection)).ffmpeg
        # Who stops may still be at its file when another begins with the next.
        version = f"{job.pos}-{secrets.token_hex(4)}"
        key = paths.encoded_video(source["owner_id"], source["id"], version)
        original, target = (paths.resolve(root, name) for name in (source["original_key"], key))
        stopping = threading.Event()
        watch = asyncio.create_task(_wait_for_deletion(database, source["id"]))
        made = asyncio.get_running_loop().run_in_executor(
            executor, transcode.transcode, original, target, settings, stopping
        )
        try:
            await asyncio.wait((made, watch), return_when=asyncio.FIRST_COMPLETED)
            if watch.done() and not made.done():
                watch.result()
                return _record_nothing
            is_made = await made
        finally:
            stopping.set()  # The thread does not hear of a cancellation.
            watch.cancel()
            made.cancel()
        return partial(
            renditions.record_encoded_video,
            asset_id=source["id"],
            key=key if is_made else None,
            policy=settings.policy,
        )

    return make_encoded_video


async def _wait_for_deletion(database: Database, asset_id: UUID) -> None:
    while True:
        if await _source(database, asset_id) is None:
            return
        await asyncio.sleep(WATCH_SECONDS)


def person_thumbnail_consumer(database: Database, root: Path) -> Consumer:
    async def make_person_thumbnail(job: Job) -> Record:
        async with database.read() as connection:
            source = await reads.people.get_thumbnail_source(connection, person_id=job.entity_id)
        if source is None:
            return _record_nothing
        data = await asyncio.to_thread(_cut_out, root, source)
        key = paths.person_thumbnail(source["owner_id"], source["id"], job.pos)
        await asyncio.to_thread(files.write_atomically, root, key, data, durable=False)
        return partial(
            person_thumbnails.record,
            owner_id=source["owner_id"],
            person_id=source["id"],
            face_id=source["face_id"],
            key=key,
        )

    return make_person_thumbnail


def edit_consumer(database: Database, root: Path) -> Consumer:
    async def make_edit(job: Job) -> Record:
        async with database.read() as connection:
            source = await reads.assets.get_edit_source(connection, asset_id=job.entity_id)
        if source is None:
            return _record_nothing
        made = await asyncio.to_thread(_render_edited, root, source)
        return partial(edits.record_edit, asset_id=source["id"], edits=source["edits"], **made)

    return make_edit


def file_removal_consumer(root: Path, executor: Executor | None = None) -> Consumer:
    async def remove(keys: list[str]) -> None:
        loop = asyncio.get_running_loop()
        for key in keys:
            await loop.run_in_executor(executor, files.remove, root, key)

    async def remove_renditions(tx: Transaction, keys: list[str]) -> None:
        """But for those whose names came to be somebody's again."""
        ids = [id_ for key in keys if (id_ := paths.id_in(key))]
        claimed = await reads.assets.list_claimed(tx, asset_ids=ids, keys=keys)
        names = {row["key"] for row in claimed}
        await remove([key for key in keys if key not in names])

    async def remove_files(job: Job) -> Record:
        keys: list[str] = job.facts["keys"]
        placed = [key for key in keys if paths.is_placed(key)]
        made = [key for key in keys if paths.is_rendition(key)]
        await remove([key for key in keys if key not in placed and key not in made])

        async def record(tx: Transaction) -> None:
            if made:
                await remove_renditions(tx, made)
            if placed:
                await moves.remove_placed(tx, root, executor, placed)

        return record

    return remove_files


async def _record_nothing(tx: Transaction) -> None:
    """It is gone, or there is nothing to make of it."""


async def _source(database: Database, asset_id: UUID) -> reads.assets.get_source_row | None:
    async with database.read() as connection:
        return await reads.assets.get_source(connection, asset_id=asset_id)


def _read(root: Path, source: reads.assets.get_source_row) -> renditions.Metadata:
    read = metadata.read_film if source["type"] == "VIDEO" else metadata.read
    return read(
        paths.resolve(root, source["original_key"]),
        file_created_at=source["file_created_at"],
        file_modified_at=source["file_modified_at"],
        sidecar=paths.resolve(root, source["sidecar_key"]) if source["sidecar_key"] else None,
    )


def _render(root: Path, source: reads.assets.get_source_row) -> dict[str, Any]:
    """Make and store the renditions; return what there is to record."""
    render = video.render if source["type"] == "VIDEO" else images.render
    made = render(paths.resolve(root, source["original_key"]))
    key_of = {"thumbnail": paths.thumbnail, "preview": paths.preview, "fullsize": paths.fullsize}

    def name(type_: str, extension: str) -> str:
        return key_of[type_](source["owner_id"], source["id"], extension)

    return {**_facts(made), "made_as": made.made_as, "files": _store(root, made, name)}


def _store(root: Path, made: images.Renditions, name: Callable[[str, str], str]) -> dict[str, File]:
    """`name` tells the key of a type and an extension."""
    stored = {}
    for type_, data, wanted in (
        ("thumbnail", made.thumbnail, made.settings.thumbnail),
        ("preview", made.preview, made.settings.preview),
        ("fullsize", made.fullsize, made.settings.fullsize),
    ):
        if data:
            key = name(type_, wanted.format)
            files.write_atomically(root, key, data, durable=False)
            stored[type_] = File(key, len(data), forms.is_progressive(wanted))
    return stored


def _cut_out(root: Path, source: reads.people.get_thumbnail_source_row) -> bytes:
    is_picture = source["type"] == "IMAGE"
    return faces.render(
        paths.resolve(root, source["preview_key"]) if source["preview_key"] else None,
        paths.resolve(root, source["original_key"]) if is_picture else None,
        people.box_of(source),
    )


def _render_edited(root: Path, source: reads.assets.get_edit_source_row) -> dict[str, Any]:
    """The same of what edits made; without any, the picture is as it was taken."""
    original, steps = paths.resolve(root, source["original_key"]), source["edits"]
    if not steps:
        made = images.render(original)
        return {**_facts(made), "files": {}}
    made = edited.render(original, steps)
    name = partial(paths.edited, source["owner_id"], source["id"], UUID(steps[0]["id"]))
    return {**_facts(made), "files": _store(root, made, name)}


def _facts(made: images.Renditions) -> dict[str, Any]:
    return {
        "thumbhash": made.thumbhash,
        "width": made.width,
        "height": made.height,
        "is_transparent": made.is_transparent,
    }
