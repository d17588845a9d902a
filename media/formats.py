"""Opening pictures: each format by its first bytes, its size known before its pixels are."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pillow_heif
import pyvips  # type: ignore[import-untyped]
from PIL.BmpImagePlugin import BmpImageFile
from PIL.Image import Exif

from media import boxes, profiles
from media.errors import UnreadableImage

MAX_PIXELS = 200_000_000
# A JPEG this lean is its own preview: encoding it again would only make it worse.
LEAN_BYTES_PER_PIXEL = 0.25

# The worker runs one picture per thread: threads inside a picture and a cache of operations
# would only cost memory.
pyvips.concurrency_set(1)
pyvips.cache_set_max(0)
pyvips.block_untrusted_set(True)
logging.getLogger("pyvips").setLevel(logging.WARNING)  # It tells of every step.


class Picture(NamedTuple):
    """An opened file: its upright size, and the pixels no smaller than a given short side.

    The pixels come as they are stored: not turned, with their profile and depth.
    """

    width: int
    height: int
    load: Callable[[int], pyvips.Image]
    is_lean: bool = False  # a JPEG that can be shown to clients as it is, without its metadata


@contextmanager
def opened(path: Path) -> Iterator[Picture]:
    """The picture in a file.

    Raises UnreadableImage, also for what comes to light when its pixels are used.
    """
    name, opener = _format(path)
    with _explaining(name):
        yield opener(path)


@contextmanager
def _explaining(name: str) -> Iterator[None]:
    try:
        yield
    except (pyvips.Error, OSError, ValueError, RuntimeError, SyntaxError) as error:
        detail = str(getattr(error, "detail", "") or error).strip().splitlines()
        raise UnreadableImage(
            f"The {name} file is damaged or incomplete ({detail[0] if detail else error!r})"
        ) from error


def needs_conversion(image: pyvips.Image) -> bool:
    """Whether its colours are others than those of sRGB."""
    if image.interpretation == "cmyk":
        return True
    if image.get_typeof("icc-profile-data") == 0:
        return False
    return "sRGB" not in (profiles.description(image.get("icc-profile-data")) or "")


def upright_size(image: pyvips.Image) -> tuple[int, int]:
    """Width and height as it is seen."""
    turned = image.get_typeof("orientation") and image.get("orientation") >= 5
    return (image.height, image.width) if turned else (image.width, image.height)


def _refuse_too_many_pixels(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise UnreadableImage(
            f"The picture has {width} x {height} pixels; "
            f"more than {MAX_PIXELS // 1_000_000} megapixels are not opened"
        )


# How each format is opened.


def _open_jpeg(path: Path) -> Picture:
    header = pyvips.Image.jpegload_source(pyvips.Source.new_from_file(str(path)))
    width, height = upright_size(header)
    _refuse_too_many_pixels(width, height)

    def load(short_side: int) -> pyvips.Image:
        # libjpeg decodes to a half, quarter or eighth for a fraction of the time.
        shrink = next(n for n in (8, 4, 2, 1) if n == 1 or min(width, height) // n >= short_side)
        return pyvips.Image.jpegload_source(
            pyvips.Source.new_from_file(str(path)),
            shrink=shrink,
            access="sequential",
            fail_on="error",
        )

    is_lean = (
        header.interpretation in ("srgb", "b-w")
        and not needs_conversion(header)
        and (not header.get_typeof("orientation") or header.get("orientation") == 1)
        and path.stat().st_size <= LEAN_BYTES_PER_PIXEL * width * height
    )
    return Picture(width, height, load, is_lean)


def _open_with_vips(path: Path) -> Picture:
    # A source, as a plain path is parsed for options in brackets.
    image = pyvips.Image.new_from_source(
        pyvips.Source.new_from_file(str(path)), "", access="sequential", fail_on="error"
    )
    width, height = upright_size(image)
    _refuse_too_many_pixels(width, height)
    return Picture(width, height, lambda _: image)


def _open_heic(path: Path) -> Picture:
    # libvips opens HEIC headers but has no HEVC decoder.
    heif = pillow_heif.open_heif(path)
    width, height = heif.size
    _refuse_too_many_pixels(width, height)
    turn = 1
    shape = boxes.shape(path)
    if (shape is None or shape.orientation is None) and heif.info.get("exif"):
        # Some Samsung phones turn their pictures in EXIF only.
        exif = Exif()
        exif.load(heif.info["exif"])
        turn = exif.get(0x0112, 1)

    def load(_: int) -> pyvips.Image:
        return _with_tags(np.asarray(heif), heif.info.get("icc_profile"), turn)

    return Picture(*((height, width) if turn >= 5 else (width, height)), load)


def _open_bmp(path: Path) -> Picture:
    with BmpImageFile(path) as bitmap:
        _refuse_too_many_pixels(*bitmap.size)
        pixels = np.asarray(bitmap.convert("RGBA" if "A" in bitmap.getbands() else "RGB"))
    return Picture(*bitmap.size, lambda _: _with_tags(pixels, None, 1))


def _with_tags(pixels: np.ndarray, profile: bytes | None, orientation: int) -> pyvips.Image:
    height, width, bands = pixels.shape if pixels.ndim == 3 else (*pixels.shape, 1)
    memory = np.ascontiguousarray(pixels).data
    image = pyvips.Image.new_from_memory(memory, width, height, bands, "uchar").copy(
        interpretation="srgb" if bands > 2 else "b-w"
    )
    image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    if profile:
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    return image


def _format(path: Path) -> tuple[str, Callable[[Path], Picture]]:
    """Tell the format by its first bytes: names lie, and libvips would guess on."""
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise UnreadableImage(f"The file cannot be opened: {error.strerror}") from error
    if not head:
        raise UnreadableImage("The file is empty")
    for name, opener, is_one in _FORMATS:
        if is_one(head):
            if name == "TIFF" and path.suffix.lower() in _RAW_SUFFIXES:
                raise UnreadableImage("RAW pictures cannot be rendered yet")
            return name, opener
    raise UnreadableImage(
        "Pictures of this kind cannot be rendered: it is none of "
        + ", ".join(name for name, _, _ in _FORMATS)
    )


def _brand(*brands: bytes) -> Callable[[bytes], bool]:
    """Match the major brand, or a compatible one behind the generic `mif1` and `msf1`."""

    def is_one(head: bytes) -> bool:
        if head[4:8] != b"ftyp":
            return False
        if head[8:12] not in (b"mif1", b"msf1"):
            return head[8:12] in brands
        end = min(int.from_bytes(head[:4], "big"), len(head))
        return any(head[at : at + 4] in brands for at in range(16, end, 4))

    return is_one


_FORMATS: list[tuple[str, Callable[[Path], Picture], Callable[[bytes], bool]]] = [
    ("JPEG", _open_jpeg, lambda head: head.startswith(b"\xff\xd8\xff")),
    ("PNG", _open_with_vips, lambda head: head.startswith(b"\x89PNG\r\n\x1a\n")),
    ("WebP", _open_with_vips, lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP"),
    ("GIF", _open_with_vips, lambda head: head[:6] in (b"GIF87a", b"GIF89a")),
    ("TIFF", _open_with_vips, lambda head: head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    ("AVIF", _open_with_vips, _brand(b"avif", b"avis")),
    ("HEIC", _open_heic, _brand(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")),
    ("BMP", _open_bmp, lambda head: head[:2] == b"BM"),
]

# RAW files that begin as a TIFF; its first page is a stamp-sized preview.
_RAW_SUFFIXES = (
    *(".3fr", ".arw", ".cr2", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".k25", ".kdc"),
    *(".nef", ".nrw", ".pef", ".rwl", ".sr2", ".srf", ".srw"),
)
