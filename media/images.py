"""Renditions of pictures: one decode gives thumbnail, preview and placeholder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyvips  # type: ignore[import-untyped]

from media import formats, jpeg, thumbhash
from sync.config import Image

QUALITY = 80
# Each step above 2 costs twice the time and saves 2 % of the bytes.
WEBP_EFFORT = 2
LONGEST_SIDE = 16_383  # WebP ends here; a panorama's short side gives way.


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


def render(path: Path) -> Renditions:
    """Make a small WebP and a larger JPEG, of the short sides that are set (never enlarged), and a
    ThumbHash.

    Both are upright, in sRGB and without metadata; transparency stays in the WebP and becomes
    white in the JPEG. Raises UnreadableImage.
    """
    with formats.opened(path) as picture:
        is_small = min(picture.width, picture.height) <= form.preview.size
        if picture.is_lean and is_small and (preview := _bare_copy(path)):
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
    with formats.opened(path) as picture:
        yield fit(picture.load(short_side), short_side)


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
    width, height = formats.upright_size(image)
    scale = min(1.0, short_side / min(width, height), LONGEST_SIDE / max(width, height))
    fitted = image.thumbnail_image(
        max(1, round(width * scale)),
        height=max(1, round(height * scale)),
        size="force" if scale < 1 else "down",
        **({"export_profile": "srgb"} if formats.needs_conversion(image) else {}),
    )
    return fitted.colourspace("srgb").cast("uchar")
