"""RAW pictures: the preview that the camera left inside, or developed here.

Runs in a process of its own, see media.apart.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import exiv2  # type: ignore[import-untyped]

from media.apart import Pixels
from media.errors import UnreadableImage, refuse_too_many_pixels

if TYPE_CHECKING:
    import rawpy

_JPEG = b"\xff\xd8\xff"
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
            return Raw(*upright, turn, _largest(path, _preview_of(raw)))
    except rawpy.LibRawError as error:
        preview = _largest(path, None)
        if preview is None:
            raise UnreadableImage(_reason(error)) from error
        return Raw(0, 0, _orientation(path), preview)


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
    height, width, bands = samples.shape
    return Pixels(width, height, bands, 8, samples.tobytes())


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


def _largest(path: Path, known: bytes | None) -> bytes | None:
    """Of the previews that exiv2 finds where LibRaw finds none."""
    if known:
        return known
    try:
        image = exiv2.ImageFactory.open(str(path))
        image.readMetadata()
        manager = exiv2.PreviewManager(image)
        for found in reversed(manager.getPreviewProperties()):
            data = bytes(manager.getPreviewImage(found).data())
            if data.startswith(_JPEG):
                return data
    except exiv2.Exiv2Error:
        pass
    return None


def _orientation(path: Path) -> int:
    try:
        image = exiv2.ImageFactory.open(str(path))
        image.readMetadata()
        return int(image.exifData()["Exif.Image.Orientation"].toInt64())
    except (exiv2.Exiv2Error, KeyError):
        return 1
