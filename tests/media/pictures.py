"""Pictures for tests, drawn on the spot, and how far apart two of them look."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image

# What to do to an upright picture so that a viewer which obeys the EXIF orientation shows it right.
STORED_AS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def scene(width: int = 300, height: int = 200, *, alpha: bool = False) -> Image.Image:
    """Four soft corners of different colour: no turn or flip looks like another."""
    x = np.linspace(0, 1, width)[None, :, None]
    y = np.linspace(0, 1, height)[:, None, None]
    corners = [
        np.array(c, float) for c in ((230, 20, 30), (20, 200, 40), (30, 40, 220), (230,) * 3)
    ]
    pixels = (corners[0] * (1 - x) + corners[1] * x) * (1 - y)
    pixels = pixels + (corners[2] * (1 - x) + corners[3] * x) * y
    picture = Image.fromarray(pixels.astype(np.uint8), "RGB")
    if alpha:
        fade = np.broadcast_to(np.linspace(0, 255, width), (height, width)).astype(np.uint8)
        picture.putalpha(Image.fromarray(fade))
    return picture


def turned(picture: Image.Image, orientation: int) -> Image.Image:
    turn = STORED_AS[orientation]
    return picture if turn is None else picture.transpose(turn)


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def opened(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def save_heic(picture: Image.Image, path: Path, **options: object) -> None:
    pillow_heif.from_pillow(picture).save(path, **options)


def distance(one: Image.Image, other: Image.Image) -> float:
    """Mean difference per channel (0..255) of the two, scaled to the same small size."""
    mode = "RGBA" if "A" in one.mode and "A" in other.mode else "RGB"
    small = [np.asarray(p.convert(mode).resize((60, 40)), float) for p in (one, other)]
    return float(np.abs(small[0] - small[1]).mean())


def noise(width: int, height: int) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 255, (height, width, 3), np.uint8)
