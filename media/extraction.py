"""Films inside of pictures, copied to files of their own; the pictures stay as they are."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path, PurePosixPath
from uuid import uuid4

from media import motion
from sql import Database, reads
from storage import paths
from storage.files import Incoming
from sync.operations.assets import Film, Upload
from sync.operations.renditions import Metadata


async def take_out(
    database: Database, root: Path, source: reads.assets.get_source_row, found: Metadata
) -> Film | None:
    """Store the film in a picture, unless its owner has these bytes; None where it has none, or
    where somebody linked another."""
    if found.film is None:
        return None
    span, original = motion.Span(*found.film), paths.resolve(root, source["original_key"])
    async with database.read() as connection:
        part = await reads.live_photos.get_part(connection, asset_id=source["id"])
    if part and not part["is_extracted"]:
        return None
    checksum = await asyncio.to_thread(_hash, original, span)
    async with database.read() as connection:
        known = await reads.live_photos.find_bytes(
            connection, owner_id=source["owner_id"], checksum=checksum
        )
    if known:
        await asyncio.to_thread(_replace_missing, root, known["original_key"], source, span)
        return Film(checksum)
    film_id = uuid4()
    upload = Upload(
        asset_id=film_id,
        type="VIDEO",
        original_key=paths.extracted_film(source["owner_id"], film_id),
        original_file_name=f"{PurePosixPath(source['original_file_name']).stem}.mp4",
        checksum=checksum,
        file_bytes=span.length,
        file_created_at=found.file_created_at,
        file_modified_at=source["file_modified_at"],
    )
    await asyncio.to_thread(_store, root, upload.original_key, source, span)
    return Film(checksum, upload)


def _hash(original: Path, span: motion.Span) -> bytes:
    sha1 = hashlib.sha1(usedforsecurity=False)
    motion.copy(original, span, sha1.update)
    return sha1.digest()


def _replace_missing(
    root: Path, key: str, source: reads.assets.get_source_row, span: motion.Span
) -> None:
    """A file that was lost is in the picture still."""
    if not paths.resolve(root, key).exists():
        _store(root, key, source, span)


def _store(root: Path, key: str, source: reads.assets.get_source_row, span: motion.Span) -> None:
    incoming = Incoming(root, key.split("/")[0])  # The template may have put it on another disk.
    try:
        motion.copy(paths.resolve(root, source["original_key"]), span, incoming.write)
        incoming.keep(key, source["file_modified_at"])
    finally:
        incoming.discard()
