"""Which files are accepted, and what they are: decided by the extension alone, as clients do."""

from __future__ import annotations

from typing import Literal

Kind = Literal["image", "raw", "video", "sidecar"]

SIDECAR_BYTES_MAX = 32 << 20  # It is read as a whole; the largest have some MB.

_WEB_IMAGES = {
    "avif": "image/avif",
    "bmp": "image/bmp",
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
}
_OTHER_IMAGES = {
    "heic": "image/heic",
    "heif": "image/heif",
    "hif": "image/hif",
    "insp": "image/jpeg",
    "jp2": "image/jp2",
    "jpe": "image/jpeg",
    "jxl": "image/jxl",
    "mpo": "image/jpeg",
    "svg": "image/svg+xml",
    "tif": "image/tiff",
    "tiff": "image/tiff",
}
# Makers never registered most of these; clients know them as image/<extension>.
_RAW_EXTENSIONS = (
    "3fr", "ari", "arw", "cap", "cin", "cr2", "cr3", "crw", "dcr", "dng", "erf", "fff", "iiq",
    "k25", "kdc", "mrw", "nef", "nrw", "orf", "ori", "pef", "psd", "raf", "raw", "rw2", "rwl",
    "sr2", "srf", "srw", "x3f",
)  # fmt: skip
_RAWS = {extension: f"image/{extension}" for extension in _RAW_EXTENSIONS}
_VIDEOS = {
    "3gp": "video/3gpp",
    "3gpp": "video/3gpp",
    "avi": "video/x-msvideo",
    "flv": "video/x-flv",
    "insv": "video/mp4",
    "m2t": "video/mp2t",
    "m2ts": "video/mp2t",
    "m4v": "video/x-m4v",
    "mkv": "video/x-matroska",
    "mov": "video/quicktime",
    "mp4": "video/mp4",
    "mpe": "video/mpeg",
    "mpeg": "video/mpeg",
    "mpg": "video/mpeg",
    "mts": "video/mp2t",
    "mxf": "application/mxf",
    "ts": "video/mp2t",
    "vob": "video/mpeg",
    "webm": "video/webm",
    "wmv": "video/x-ms-wmv",
}
_SIDECARS = {"xmp": "application/xml"}

_KINDS: dict[str, Kind] = {
    **dict.fromkeys(_WEB_IMAGES | _OTHER_IMAGES, "image"),
    **dict.fromkeys(_RAWS, "raw"),
    **dict.fromkeys(_VIDEOS, "video"),
    **dict.fromkeys(_SIDECARS, "sidecar"),
}
_MIME_TYPES = _WEB_IMAGES | _OTHER_IMAGES | _RAWS | _VIDEOS | _SIDECARS


def _dotted(*tables: dict[str, str]) -> tuple[str, ...]:
    return tuple(sorted(f".{extension}" for table in tables for extension in table))


IMAGE_EXTENSIONS = _dotted(_WEB_IMAGES, _OTHER_IMAGES, _RAWS)
VIDEO_EXTENSIONS = _dotted(_VIDEOS)
SIDECAR_EXTENSIONS = _dotted(_SIDECARS)
PROFILE_EXTENSIONS = (
    ".avif", ".dng", ".heic", ".heif", ".jpeg", ".jpg", ".png", ".svg", ".webp",
)  # fmt: skip


def extension(file_name: str) -> str:
    """Lower case, without the dot; empty when there is none (`.jpg` alone has none)."""
    stem, dot, last = file_name.rpartition(".")
    return last.lower() if stem and dot else ""


def kind(file_name: str) -> Kind | None:
    """None: not accepted."""
    return _KINDS.get(extension(file_name))


def asset_type(file_name: str) -> Literal["IMAGE", "VIDEO"] | None:
    """What an upload of that name becomes; None: refuse it."""
    match kind(file_name):
        case "image" | "raw":
            return "IMAGE"
        case "video":
            return "VIDEO"
        case _:
            return None


def mime_type(file_name: str) -> str:
    return _MIME_TYPES.get(extension(file_name), "application/octet-stream")


def is_web_displayable(file_name: str) -> bool:
    """Whether browsers show the original as it is, so that no full-size copy is made."""
    return extension(file_name) in _WEB_IMAGES
