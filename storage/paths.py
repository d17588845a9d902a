"""Names of files: keys are POSIX paths relative to the data root. Pure."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import UUID

ORIGINALS = "upload"
LIBRARY = "library"  # originals where the storage template puts them
RENDITIONS = "thumbs"
PROFILES = "profile"
INCOMING = ".incoming"
SIDECAR_SUFFIX = ".xmp"

_EXTENSION = re.compile(r"[a-z0-9]{1,16}")
_UUID_CHARACTERS = 36
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_OURS = re.compile(
    rf"(?:{ORIGINALS}|{RENDITIONS})/{_UUID}/(?P<a>[0-9a-f]{{2}})/(?P<b>[0-9a-f]{{2}})"
    rf"/(?P=a)(?P=b)[^/]+"
    rf"|{PROFILES}/{_UUID}/{_UUID}\.[a-z0-9]+"
)


def original(owner_id: UUID, asset_id: UUID, extension: str) -> str:
    """`upload/<owner>/<ab>/<cd>/<asset>.<ext>`; the extension without its dot, in any case."""
    extension = extension.lower()
    if not _EXTENSION.fullmatch(extension):
        raise ValueError(f"not an extension: {extension!r}")
    return f"{_shard(ORIGINALS, owner_id, asset_id)}.{extension}"


def extracted_film(owner_id: UUID, asset_id: UUID) -> str:
    """Out of a picture. By `encoded-video` in its path the web app knows it for such a one."""
    return f"{_shard(ORIGINALS, owner_id, asset_id)}-encoded-video.mp4"


def sidecar(original_key: str) -> str:
    return f"{original_key}{SIDECAR_SUFFIX}"


def beside(key: str) -> str:
    """The original whose sidecar it is; of an original itself."""
    return key.removesuffix(SIDECAR_SUFFIX)


def thumbnail(owner_id: UUID, asset_id: UUID, extension: str = "webp") -> str:
    return f"{_shard(RENDITIONS, owner_id, asset_id)}_thumbnail.{extension}"


def preview(owner_id: UUID, asset_id: UUID, extension: str = "jpeg") -> str:
    return f"{_shard(RENDITIONS, owner_id, asset_id)}_preview.{extension}"


def encoded_video(owner_id: UUID, asset_id: UUID, version: str) -> str:
    """Each version has a name of its own: it grows in its place while the former is played."""
    return f"{_shard(RENDITIONS, owner_id, asset_id)}_{version}_encoded.mp4"


def fullsize(owner_id: UUID, asset_id: UUID, extension: str = "jpeg") -> str:
    return f"{_shard(RENDITIONS, owner_id, asset_id)}_fullsize.{extension}"


def edited(owner_id: UUID, asset_id: UUID, edit_id: UUID, type_: str, extension: str) -> str:
    """Named after the first of its edits: another edit never writes into the files of this one."""
    return f"{_shard(RENDITIONS, owner_id, asset_id)}_{edit_id}_{type_}.{extension}"


def person_thumbnail(owner_id: UUID, person_id: UUID, version: int) -> str:
    """Each version has a name of its own: one may be removed while the next is made."""
    return f"{_shard(RENDITIONS, owner_id, person_id)}_{version}.jpeg"


def profile_image(user_id: UUID, image_id: UUID, extension: str) -> str:
    """Each has a name of its own: one may be removed while the next is shown."""
    return f"{PROFILES}/{user_id}/{image_id}.{extension}"


def is_placed(key: str) -> bool:
    """Whether the storage template put it there: then the key tells nobody whose it is."""
    return key.startswith(f"{LIBRARY}/")


def is_rendition(key: str) -> bool:
    return key.startswith(f"{RENDITIONS}/")


def id_in(key: str) -> UUID | None:
    """All files of an asset, or of a person, begin with its id; profile images have their own."""
    name = key.rpartition("/")[2]
    try:
        return UUID(name[:_UUID_CHARACTERS])
    except ValueError:
        return None


def is_ours(key: str) -> bool:
    """Whether a key has the shape made here: nothing else is ever cleaned up."""
    return _OURS.fullmatch(key) is not None


def resolve(root: Path, key: str) -> Path:
    """The file a key names. ValueError for a key that could leave the root.

    Symbolic links are the administrator's and are followed: `thumbs` may lie on another disk.
    """
    parts = key.split("/")
    if any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts):
        raise ValueError(f"not a key: {key!r}")
    return root.joinpath(*parts)


def _shard(top: str, owner_id: UUID, asset_id: UUID) -> str:
    # Two levels of 256 keep folders small up to tens of millions of files.
    name = str(asset_id)
    return f"{top}/{owner_id}/{name[0:2]}/{name[2:4]}/{name}"
