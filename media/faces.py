"""Cut a face out of a picture, to show whom it belongs to."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

from media import images
from media.errors import UnreadableImage
from sync.config import Image
from sync.operations.people import Box

SIDE = 250  # pixels
MARGIN = 0.1  # of the box's longer side, all around it


class Square(NamedTuple):
    """What is cut out, in pixels of the picture that the box is given in."""

    x: float
    y: float
    side: float


def render(preview: Path | None, original: Path | None, box: Box) -> bytes:
    """Make a square JPEG of 250 px, or smaller where the picture has no more; upright, in
    the colours and of the quality that are set for thumbnails.

    From the preview if the face is large enough in it, which saves reading the original; and if
    the original cannot be read. Raises UnreadableImage.
    """
    settings = images.form.settings
    square = around(box)
    short_side = math.ceil(SIDE * min(box.image_width, box.image_height) / square.side)
    sources = [path for path in (original, preview) if path]
    if preview and short_side <= settings.preview.size:
        sources = [preview]
    for source in sources[:-1]:
        try:
            return _cut(source, box, square, short_side, settings)
        except UnreadableImage:
            continue
    if not sources:
        raise UnreadableImage("There is no preview to cut the face out of")
    return _cut(sources[-1], box, square, short_side, settings)


def around(box: Box) -> Square:
    """The face in the middle, or as near to it as the picture's edges let it be."""
    width, height = box.image_width, box.image_height
    x1, x2 = (min(max(x, 0), width) for x in (box.x1, box.x2))
    y1, y2 = (min(max(y, 0), height) for y in (box.y1, box.y2))
    if x1 >= x2 or y1 >= y2:
        raise UnreadableImage("The face lies outside of its picture")
    side = min((1 + 2 * MARGIN) * max(x2 - x1, y2 - y1), width, height)
    x = min(max((x1 + x2 - side) / 2, 0), width - side)
    y = min(max((y1 + y2 - side) / 2, 0), height - side)
    return Square(x, y, side)


def _cut(source: Path, box: Box, square: Square, short_side: int, settings: Image) -> bytes:
    with images.upright(source, short_side, settings) as picture:
        scale = min(picture.width / box.image_width, picture.height / box.image_height)
        side = max(1, min(SIDE, round(square.side * scale), picture.width, picture.height))
        x = min(round(square.x * picture.width / box.image_width), picture.width - side)
        y = min(round(square.y * picture.height / box.image_height), picture.height - side)
        quality = settings.thumbnail.quality
        return images.encode_jpeg(picture.crop(x, y, side, side), quality=quality)
