"""Renditions of pictures: one decode gives thumbnail, preview, full size and placeholder."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyvips  # type: ignore[import-untyped]

from media import formats, jpeg, thumbhash
from storage import media_types
from sync import forms
from sync.config import Fullsize, Image, Rendition

# Each step above 2 costs twice the time and saves 2 % of the bytes.
WEBP_EFFORT = 2
LONGEST_SIDE = 16_383  # WebP ends here; a panorama's short side gives way.
WIDE = "p3"
# Cameras leave a picture in a RAW file that is smaller by their border: it is whole all the same.
_NEARLY = 0.97
# One picture at a time has two cores, so that who waits for it waits less.
_beside = ThreadPoolExecutor(2 * len(os.sched_getaffinity(0)), "beside")


class Form:
    """How renditions are to be made: as it is set now, in this process."""

    def __init__(self) -> None:
        self.settings = Image()

    def follow(self, settings: Image) -> None:
        """From now on."""
        self.settings = settings


form = Form()


class Renditions(NamedTuple):
    """What clients show of a picture: `width` and `height` are the upright original's, or the
    edited picture's."""

    width: int
    height: int
    thumbhash: bytes
    thumbnail: bytes
    preview: bytes
    fullsize: bytes  # empty where the original is shown itself
    is_transparent: bool
    settings: Image  # that it was made by
    made_as: str


def render(path: Path) -> Renditions:
    """Make a thumbnail and a preview, of the short sides that are set (never enlarged), a
    ThumbHash, and the whole picture again if it is to be and browsers do not show the original.

    All are upright and without metadata, in sRGB, or in Display P3 if that is set and there are
    such colours. Transparency stays in WebP and becomes white in JPEG. Raises UnreadableImage.
    """
    settings = form.settings
    is_shown = media_types.is_web_displayable(path.name)
    with opened(path, settings) as picture:
        copy = _bare_copy(path, picture, settings)
        size = settings.thumbnail.size if copy else shown_size(settings)
        fullsize = b""
        if settings.fullsize.enabled and not is_shown:
            stored = picture.load(math.ceil(min(picture.width, picture.height) * _NEARLY))
            pixels = fit(stored, LONGEST_SIDE, settings).copy_memory()
            fullsize = encode(pixels, settings.fullsize)
        else:
            stored = picture.load(size)
            pixels = stored
        nature = forms.Nature(
            is_wide=formats.needs_conversion(stored),
            is_raw=media_types.kind(path.name) == "raw",
            is_shown_by_browsers=is_shown,
        )
        shown = fit(pixels, size, settings).copy_memory()
        return rendered(
            shown, (picture.width, picture.height), settings, nature, fullsize, preview=copy
        )


def rendered(
    pixels: pyvips.Image,
    size: tuple[int, int],
    settings: Image,
    nature: forms.Nature,
    fullsize: bytes = b"",
    preview: bytes | None = None,
) -> Renditions:
    """From pixels as `fit` gave them, in memory and no smaller than any rendition."""
    large = _beside.submit(
        lambda: preview or encode(fit(pixels, settings.preview.size, settings), settings.preview)
    )
    small = fit(pixels, settings.thumbnail.size, settings).copy_memory()
    placeholder = _beside.submit(lambda: thumbhash.encode(_placeholder_pixels(small)))
    thumbnail = encode(small, settings.thumbnail)
    return Renditions(
        *size,
        placeholder.result(),
        thumbnail,
        large.result(),
        fullsize,
        bool(pixels.hasalpha()),
        settings,
        forms.made_as(settings, nature),
    )


def opened(path: Path, settings: Image) -> AbstractContextManager[formats.Picture]:
    """As `formats.opened`, of RAW pictures what is set."""
    return formats.opened(path, extract_embedded=settings.extract_embedded)


def shown_size(settings: Image) -> int:
    """The short side that all renditions but the whole can be made of."""
    return max(settings.preview.size, settings.thumbnail.size)


@contextmanager
def upright(path: Path, short_side: int, settings: Image) -> Iterator[pyvips.Image]:
    """The picture as it is seen, in the colours that are set, of that short side or smaller.

    Raises UnreadableImage, also for what comes to light when its pixels are used.
    """
    with opened(path, settings) as picture:
        yield fit(picture.load(short_side), short_side, settings)


def _bare_copy(path: Path, picture: formats.Picture, settings: Image) -> bytes | None:
    """A JPEG that is its own preview."""
    wanted = settings.preview
    is_small = min(picture.width, picture.height) <= wanted.size
    if not (picture.is_lean and is_small and wanted.format == "jpeg") or wanted.progressive:
        return None
    try:
        return jpeg.bare(path.read_bytes())
    except ValueError:
        return None


def encode(pixels: pyvips.Image, wanted: Rendition | Fullsize) -> bytes:
    """Without metadata but for the profile of colours that are not those of sRGB."""
    data: bytes
    if wanted.format == "webp":
        data = pixels.webpsave_buffer(Q=wanted.quality, effort=WEBP_EFFORT, keep="icc")
        return data
    return encode_jpeg(pixels, quality=wanted.quality, is_progressive=forms.is_progressive(wanted))


def encode_jpeg(pixels: pyvips.Image, *, quality: int, is_progressive: bool = False) -> bytes:
    """The same; transparency becomes white."""
    if pixels.hasalpha():
        pixels = pixels.flatten(background=255)
    data: bytes = pixels.jpegsave_buffer(Q=quality, interlace=is_progressive, keep="icc")
    return data


def _placeholder_pixels(small: pyvips.Image) -> np.ndarray:
    side = thumbhash.MAX_SIDE
    is_wide = small.get_typeof(formats.PROFILE) != 0
    tiny = small.thumbnail_image(
        side, height=side, size="down", **({"export_profile": "srgb"} if is_wide else {})
    )
    if not tiny.hasalpha():
        tiny = tiny.bandjoin(255)
    pixels: np.ndarray = tiny.numpy()
    return pixels


def fit(image: pyvips.Image, short_side: int, settings: Image) -> pyvips.Image:
    """Turn upright, convert to the colours that are set with 8 bits, and shrink to the short side.

    A profile stays only with colours that are not those of sRGB.
    """
    width, height = formats.upright_size(image)
    scale = min(1.0, short_side / min(width, height), LONGEST_SIDE / max(width, height))
    is_wide = formats.needs_conversion(image)
    target = WIDE if settings.colorspace == WIDE else "srgb"
    is_there = target == WIDE and _has_wide_profile(image)
    fitted = image.thumbnail_image(
        max(1, round(width * scale)),
        height=max(1, round(height * scale)),
        size="force" if scale < 1 else "down",
        **({"export_profile": target} if is_wide and not is_there else {}),
    )
    fitted = fitted.colourspace("srgb").cast("uchar")
    if fitted.get_typeof(formats.PROFILE) and not (is_wide and target == WIDE):
        fitted = fitted.copy()
        fitted.remove(formats.PROFILE)
    return fitted


def _has_wide_profile(image: pyvips.Image) -> bool:
    """Whether `fit` made it so before."""
    has_any = image.get_typeof(formats.PROFILE) != 0
    return has_any and bytes(image.get(formats.PROFILE)) == _wide_profile()


@cache
def _wide_profile() -> bytes:
    return bytes(pyvips.Image.profile_load(WIDE))
