"""Faces that other programs marked in pictures, as the Metadata Working Group has them written."""

from __future__ import annotations

from collections.abc import Iterator
from math import floor
from typing import NamedTuple

from media.tags import Tags
from sync.operations.from_files import Face
from sync.operations.people import Box

REGIONS_MAX = 500
NAME_CHARACTERS_MAX = 500
FACES = ("Face", "Pet", None)  # not what the camera focused on, nor barcodes

_REGIONS = "Xmp.mwg-rs.Regions/mwg-rs:"


class _Area(NamedTuple):
    """The middle and the size of a region, in parts of the picture's width and height."""

    x: float
    y: float
    width: float
    height: float


def read(beside: Tags, own: Tags, size: tuple[int | None, int | None], turn: int) -> list[Face]:
    """Return the named faces in the upright picture, of the sidecar or else of the file itself.

    The regions lie in the picture as it is stored, `size` pixels, to be turned by an EXIF
    orientation. Boxes are what Immich makes of them. Source: MWG Guidelines 2.0, 5.9.
    """
    of = beside if beside.texts(f"{_REGIONS}RegionList") else own
    applied = [of.number(f"{_REGIONS}AppliedToDimensions/stDim:{side}") for side in "wh"]
    width, height = (int(side or stored or 0) for side, stored in zip(applied, size, strict=True))
    if width <= 0 or height <= 0 or max(width, height) > 1 << 20:
        return []
    upright = (height, width) if turn > 4 else (width, height)
    return [
        Face(name, box)
        for name, area in _named(of, width, height)
        if (box := _box(_turned(area, turn), *upright))
    ]


def _named(of: Tags, width: int, height: int) -> Iterator[tuple[str, _Area]]:
    for number in range(1, REGIONS_MAX + 1):
        region = f"{_REGIONS}RegionList[{number}]"
        if of.texts(region) is None:
            return
        name = of.text(f"{region}/mwg-rs:Name")
        sides = [of.number(f"{region}/mwg-rs:Area/stArea:{side}") for side in "xywh"]
        x, y, across, down = sides
        if not name or x is None or y is None or not across or not down:
            continue
        if of.text(f"{region}/mwg-rs:Type") in FACES:
            is_pixels = of.text(f"{region}/mwg-rs:Area/stArea:unit") == "pixel"
            wide, high = (width, height) if is_pixels else (1, 1)
            area = _Area(x / wide, y / high, across / wide, down / high)
            yield name[:NAME_CHARACTERS_MAX].strip(), area


def _turned(area: _Area, turn: int) -> _Area:
    """The same face where the picture is shown upright."""
    x, y = area.x, area.y
    middle = {
        2: (1 - x, y),
        3: (1 - x, 1 - y),
        4: (x, 1 - y),
        5: (y, x),
        6: (1 - y, x),
        7: (1 - y, 1 - x),
        8: (y, 1 - x),
    }.get(turn, (x, y))
    sides = (area.height, area.width) if turn > 4 else (area.width, area.height)
    return _Area(*middle, *sides)


def _box(area: _Area, width: int, height: int) -> Box | None:
    """In pixels; None for what is not inside of the picture."""
    left, right = ((area.x + sign * area.width / 2) * width for sign in (-1, 1))
    top, bottom = ((area.y + sign * area.height / 2) * height for sign in (-1, 1))
    if not (left < right and top < bottom and left < width and top < height):
        return None
    if right <= 0 or bottom <= 0:
        return None
    return Box(
        width,
        height,
        max(floor(left), 0),
        max(floor(top), 0),
        min(floor(right), width),
        min(floor(bottom), height),
    )
