"""RAW pictures: the preview that the camera left inside, or developed here.

Runs in a process of its own, see media.apart.
"""

from __future__ import annotations

import mmap
import re
from itertools import islice
from pathlib import Path
from struct import unpack_from
from typing import TYPE_CHECKING, NamedTuple

import exiv2  # type: ignore[import-untyped]

from media.apart import Pixels, pixels_of
from media.boxes import Shape
from media.errors import UnreadableImage, refuse_too_many_pixels

if TYPE_CHECKING:
    import rawpy

_JPEG = b"\xff\xd8\xff"
_JPEG_START = re.compile(rb"\xff\xd8\xff[\xc0-\xfe]")
_FRAMES, _SCAN = (0xC0, 0xC1, 0xC2), 0xDA
_JPEGS_MAX, _PREVIEW_PIXELS_MIN, _PREVIEW_BYTES_MAX = 1000, 120 * 90, 100 << 20
# LibRaw's turns as EXIF tells them.
_ORIENTATIONS = {0: 1, 1: 2, 2: 4, 3: 3, 4: 5, 5: 8, 6: 6, 7: 7}
_SRGB_GAMMA = (2.4, 12.92)


class Raw(NamedTuple):
    """What a RAW file holds: `width` and `height` are those of the developed picture, upright;
    both are 0 where it cannot be developed.

    `orientation` is how the preview is to be turned unless it tells by itself.
    """

    width: int
    height: int
    orientation: int
    preview: bytes | None


def look(path: Path) -> Raw:
    """Without developing anything. Raises UnreadableImage."""
    import rawpy  # Here, so that it is in no other process's memory.

    try:
        with rawpy.imread(str(path)) as raw:
            sizes = raw.sizes
            refuse_too_many_pixels(sizes.raw_width, sizes.raw_height)
            turn = _ORIENTATIONS.get(sizes.flip, 1)
            width, height = sizes.iwidth, sizes.iheight
            upright = (height, width) if turn >= 5 else (width, height)
            return Raw(*upright, turn, _preview_of(raw))
    except rawpy.LibRawError as error:
        preview = _find_jpeg(path)
        if preview is None:
            raise UnreadableImage(_reason(error)) from error
        return Raw(0, 0, _orientation(path), preview)


def measure(path: Path) -> Shape | None:
    """The size of the developed picture as it lies in the file; None where nobody can tell."""
    import rawpy

    try:
        with rawpy.imread(str(path)) as raw:
            sizes = raw.sizes
            return Shape(sizes.iwidth, sizes.iheight, _ORIENTATIONS.get(sizes.flip, 1))
    except rawpy.LibRawError:
        return None


def develop(path: Path, is_half_enough: bool) -> Pixels:
    """Upright and in sRGB; of half the size, that is a quarter of the work, if that is enough.

    Raises UnreadableImage.
    """
    import rawpy

    try:
        with rawpy.imread(str(path)) as raw:
            refuse_too_many_pixels(raw.sizes.raw_width, raw.sizes.raw_height)
            samples = raw.postprocess(
                use_camera_wb=True, gamma=_SRGB_GAMMA, half_size=is_half_enough
            )
    except rawpy.LibRawError as error:
        raise UnreadableImage(_reason(error)) from error
    return pixels_of(samples)


def _reason(error: rawpy.LibRawError) -> str:
    detail = error.args[0] if error.args else error
    text = detail.decode(errors="replace") if isinstance(detail, bytes) else str(detail)
    return f"This RAW picture cannot be developed here ({text}), and there is no preview inside"


def _preview_of(raw: rawpy.RawPy) -> bytes | None:
    import rawpy

    try:
        thumbnail = raw.extract_thumb()
    except rawpy.LibRawError:
        return None
    data = thumbnail.data
    return data if isinstance(data, bytes) and data.startswith(_JPEG) else None


def _find_jpeg(path: Path) -> bytes | None:
    """The largest JPEG anywhere inside, of cameras that LibRaw does not know."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        found = [
            (pixels, -start.start())
            for start in islice(_JPEG_START.finditer(data), _JPEGS_MAX)
            if (pixels := _count_pixels(data, start.start())) >= _PREVIEW_PIXELS_MIN
        ]
        if not found:
            return None
        at = -max(found)[1]
        return data[at : at + _PREVIEW_BYTES_MAX]


def _count_pixels(data: mmap.mmap, at: int) -> int:
    """Of the JPEG that begins there; none of the kind that sensors' own values are packed as."""
    at += 2
    while at + 9 < len(data):
        start, kind, length, depth, height, width = unpack_from(">BBHBHH", data, at)
        if start != 0xFF or length < 2 or kind == _SCAN:
            return 0
        if kind in _FRAMES:
            return height * width if depth == 8 else 0
        at += 2 + length
    return 0


def _orientation(path: Path) -> int:
    try:
        image = exiv2.ImageFactory.open(str(path))
        image.readMetadata()
        return int(image.exifData()["Exif.Image.Orientation"].toInt64())
    except (exiv2.Exiv2Error, KeyError):
        return 1
