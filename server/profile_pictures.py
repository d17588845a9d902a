"""The pictures that stand for users, as files: what is one, and where it is kept."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from uuid import UUID, uuid4

from storage import files, media_types, paths
from storage.files import Incoming
from sync.errors import Invalid

HEAD_BYTES = 1024
BEGINNINGS = {
    "avif": (b"ftyp", 4),
    "dng": (b"*\0", 2),
    "heic": (b"ftyp", 4),
    "heif": (b"ftyp", 4),
    "jpeg": (b"\xff\xd8\xff", 0),
    "jpg": (b"\xff\xd8\xff", 0),
    "png": (b"\x89PNG\r\n\x1a\n", 0),
    "webp": (b"WEBP", 8),
}


def keep(root: Path, user_id: UUID, incoming: Incoming, file_name: str) -> str:
    """Make it a file of its own; its key. Raises Invalid for what is no picture. Blocks."""
    suffix = PurePosixPath(file_name).suffix.lower()
    if suffix not in media_types.PROFILE_EXTENSIONS:
        raise Invalid(f"Unsupported file type {file_name}")
    extension = suffix.removeprefix(".")
    key = paths.profile_image(user_id, uuid4(), extension)
    incoming.keep(key, datetime.now(UTC))
    with paths.resolve(root, key).open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not _is_picture(extension, head):
        files.remove(root, key)
        raise Invalid(f"Unsupported file type {file_name}")
    return key


def _is_picture(extension: str, head: bytes) -> bool:
    """By how such files begin."""
    if extension == "svg":
        return b"<svg" in head
    mark, at = BEGINNINGS[extension]
    return head[at : at + len(mark)] == mark or (extension == "dng" and head[:4] == b"MM\0*")
