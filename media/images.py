"""Renditions of pictures: one decode gives thumbnail, preview and placeholder."""

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

from media import boxes, jpeg, profiles, thumbhash
from media.errors import UnreadableImage
from sync.config import Image

QUALITY = 80
# Each step above 2 costs twice the time and saves 2 % of the bytes.
WEBP_EFFORT = 2
MAX_PIXELS = 200_000_000
LONGEST_SIDE = 16_383  # WebP ends here; a panorama's short side gives way.
# A JPEG this lean is its own preview: encoding it again would only make it worse.
LEAN_BYTES_PER_PIXEL = 0.25

# The worker runs one picture per thread: threads inside a picture and a cache of operations
# would only cost memory.
pyvips.concurrency_set(1)
pyvips.cache_set_max(0)
pyvips.block_untrusted_set(True)
logging.getLogger("pyvips").setLevel(logging.WARNING)  # It tells of every step.


class Form:
    """How renditions are to be made: as it is set now, in this process."""

    def __init__(self) -> None:
        self.follow(Image())

    def follow(self, settings: Image) -> None:
        """From now on."""
        self.thumbnail, self.preview = settings.thumbnail, settings.preview


form = Form()


class Renditions(NamedTuple):
    """What clients show of a picture: `width` and `height` are the upright original's, or the
    edited picture's."""

    width: int
    height: int
    thumbhash: bytes
    thumbnail: bytes
    preview: bytes
    fullsize: bytes = b""  # of an edited picture, which has no original


class _Picture(NamedTuple):
    """An opened file: its upright size, and the pixels no smaller than a given short side."""

    width: int
    height: int
    load: Callable[[int], pyvips.Image]
    is_own_preview: bool = False


def render(path: Path) -> Renditions:
    """Make a small WebP and a larger JPEG, of the short sides that are set (never enlarged), and a
    ThumbHash.

    Both are upright, in sRGB and without metadata; transparency stays in the WebP and becomes
    white in the JPEG. Raises UnreadableImage.
    """
    name, opener = _format(path)
    with _explaining(name):
        picture = opener(path)
        if picture.is_own_preview and (preview := _bare_copy(path)):
            pixels = picture.load(form.thumbnail.size)
        else:
            size = max(form.preview.size, form.thumbnail.size)
            pixels = fit(picture.load(size), size).copy_memory()
            preview = encode_preview(pixels)
        thumbnail, placeholder = encode_thumbnail(pixels)
    return Renditions(picture.width, picture.height, placeholder, thumbnail, preview)


@contextmanager
def upright(path: Path, short_side: int) -> Iterator[pyvips.Image]:
    """The picture as it is seen, in sRGB, of that short side or smaller.

    Raises UnreadableImage, also for what comes to light when its pixels are used.
    """
    name, opener = _format(path)
    with _explaining(name):
        yield fit(opener(path).load(short_side), short_side)


@contextmanager
def _explaining(name: str) -> Iterator[None]:
    try:
        yield
    except (pyvips.Error, OSError, ValueError, RuntimeError, SyntaxError) as error:
        detail = str(getattr(error, "detail", "") or error).strip().splitlines()
        raise UnreadableImage(
            f"The {name} file is damaged or incomplete ({detail[0] if detail else error!r})"
        ) from error


def encode_thumbnail(pixels: pyvips.Image) -> tuple[bytes, bytes]:
    """A small WebP, and the ThumbHash."""
    small = fit(pixels, form.thumbnail.size).copy_memory()
    thumbnail = small.webpsave_buffer(Q=form.thumbnail.quality, effort=WEBP_EFFORT, keep="none")
    return thumbnail, thumbhash.encode(_placeholder_pixels(small))


def _bare_copy(path: Path) -> bytes | None:
    try:
        return jpeg.bare(path.read_bytes())
    except ValueError:
        return None


def encode_preview(pixels: pyvips.Image) -> bytes:
    """A JPEG, as it is set."""
    shown = fit(pixels, form.preview.size)
    return encode_jpeg(shown, quality=form.preview.quality, is_progressive=form.preview.progressive)


def encode_jpeg(
    pixels: pyvips.Image, *, quality: int = QUALITY, is_progressive: bool = False
) -> bytes:
    """Without metadata; transparency becomes white."""
    if pixels.hasalpha():
        pixels = pixels.flatten(background=255)
    data: bytes = pixels.jpegsave_buffer(Q=quality, interlace=is_progressive, keep="none")
    return data


def _placeholder_pixels(small: pyvips.Image) -> np.ndarray:
    tiny = small.thumbnail_image(thumbhash.MAX_SIDE, height=thumbhash.MAX_SIDE, size="down")
    if not tiny.hasalpha():
        tiny = tiny.bandjoin(255)
    pixels: np.ndarray = tiny.numpy()
    return pixels


def fit(image: pyvips.Image, short_side: int) -> pyvips.Image:
    """Turn upright, convert to sRGB with 8 bits, and shrink to the short side."""
    width, height = _upright_size(image)
    scale = min(1.0, short_side / min(width, height), LONGEST_SIDE / max(width, height))
    fitted = image.thumbnail_image(
        max(1, round(width * scale)),
        height=max(1, round(height * scale)),
        size="force" if scale < 1 else "down",
        **({"export_profile": "srgb"} if _needs_conversion(image) else {}),
    )
    return fitted.colourspace("srgb").cast("uchar")


def _needs_conversion(image: pyvips.Image) -> bool:
    if image.interpretation == "cmyk":
        return True
    if image.get_typeof("icc-profile-data") == 0:
        return False
    return "sRGB" not in (profiles.description(image.get("icc-profile-data")) or "")


def _upright_size(image: pyvips.Image) -> tuple[int, int]:
    turned = image.get_typeof("orientation") and image.get("orientation") >= 5
    return (image.height, image.width) if turned else (image.width, image.height)


def _refuse_too_many_pixels(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise UnreadableImage(
            f"The picture has {width} x {height} pixels; "
            f"more than {MAX_PIXELS // 1_000_000} megapixels are not opened"
        )


# How each format is opened.


def _open_jpeg(path: Path) -> _Picture:
    header = pyvips.Image.jpegload_source(pyvips.Source.new_from_file(str(path)))
    width, height = _upright_size(header)
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

    is_own_preview = (
        min(width, height) <= form.preview.size
        and header.interpretation in ("srgb", "b-w")
        and not _needs_conversion(header)
        and (not header.get_typeof("orientation") or header.get("orientation") == 1)
        and path.stat().st_size <= LEAN_BYTES_PER_PIXEL * width * height
    )
    return _Picture(width, height, load, is_own_preview)


def _open_with_vips(path: Path) -> _Picture:
    # A source, as a plain path is parsed for options in brackets.
    image = pyvips.Image.new_from_source(
        pyvips.Source.new_from_file(str(path)), "", access="sequential", fail_on="error"
    )
    width, height = _upright_size(image)
    _refuse_too_many_pixels(width, height)
    return _Picture(width, height, lambda _: image)


def _open_heic(path: Path) -> _Picture:
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

    return _Picture(*((height, width) if turn >= 5 else (width, height)), load)


def _open_bmp(path: Path) -> _Picture:
    with BmpImageFile(path) as bitmap:
        _refuse_too_many_pixels(*bitmap.size)
        pixels = np.asarray(bitmap.convert("RGBA" if "A" in bitmap.getbands() else "RGB"))
    return _Picture(*bitmap.size, lambda _: _with_tags(pixels, None, 1))


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


def _format(path: Path) -> tuple[str, Callable[[Path], _Picture]]:
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


_FORMATS: list[tuple[str, Callable[[Path], _Picture], Callable[[bytes], bool]]] = [
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
