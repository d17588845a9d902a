"""Boxes in pictures that are shown edited: faces are kept as they are in the original."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sql import Connection, reads
from sync.operations.edits import TURNED
from sync.operations.people import Box

Size = tuple[float, float]
Point = tuple[float, float]


class Edits(NamedTuple):
    """What a picture went through, one step after the other, and how large it was before."""

    steps: Sequence[Mapping[str, Any]] = ()  # with action and parameters
    size: tuple[int, int] | None = None  # pixels, the right way up; None: not known


async def get_edits(connection: Connection, asset_id: UUID) -> Edits:
    steps = await reads.assets.list_edits(connection, asset_id=asset_id)
    asset = await reads.assets.get_editable(connection, asset_id=asset_id) if steps else None
    if asset is None or not asset["exif_image_width"] or not asset["exif_image_height"]:
        return Edits(steps)
    width, height = asset["exif_image_width"], asset["exif_image_height"]
    return Edits(steps, (height, width) if asset["orientation"] in TURNED else (width, height))


def show(box: Box, edits: Edits) -> Box | None:
    """Where a box in the original is in what is shown; None if it was cut away."""
    if not edits.steps:
        return box
    size: Size = edits.size or (box.image_width, box.image_height)
    corners = _corners(box, size)
    for step in edits.steps:
        corners = [_apply(step, corner, size) for corner in corners]
        size = _shrink(step, size)
    shown = _box(corners, size)
    is_left = shown.x1 < shown.image_width and shown.y1 < shown.image_height
    return shown if is_left and shown.x2 > 0 and shown.y2 > 0 else None


def find(box: Box, edits: Edits) -> Box:
    """Where a box in what is shown is in the original."""
    if not edits.steps:
        return box
    sizes: list[Size] = [edits.size or _enlarge(edits, (box.image_width, box.image_height))]
    for step in edits.steps:
        sizes.append(_shrink(step, sizes[-1]))
    corners = _corners(box, sizes[-1])
    for step, size in zip(reversed(edits.steps), reversed(sizes[:-1]), strict=True):
        corners = [_undo(step, corner, size) for corner in corners]
    return _box(corners, sizes[0])


def _corners(box: Box, size: Size) -> list[Point]:
    """In a picture of that size."""
    x, y = size[0] / box.image_width, size[1] / box.image_height
    return [(box.x1 * x, box.y1 * y), (box.x2 * x, box.y2 * y)]


def _box(corners: list[Point], size: Size) -> Box:
    (x1, x2), (y1, y2) = (sorted(map(round, axis)) for axis in zip(*corners, strict=True))
    return Box(round(size[0]), round(size[1]), x1, y1, x2, y2)


def _apply(step: Mapping[str, Any], point: Point, size: Size) -> Point:
    (x, y), (width, height), how = point, size, step["parameters"]
    match step["action"], how:
        case "crop", _:
            return x - how["x"], y - how["y"]
        case "rotate", {"angle": 90}:
            return height - y, x
        case "rotate", {"angle": 180}:
            return width - x, height - y
        case "rotate", {"angle": 270}:
            return y, width - x
        case "mirror", {"axis": "horizontal"}:
            return width - x, y
        case "mirror", _:
            return x, height - y
    return point


def _undo(step: Mapping[str, Any], point: Point, size: Size) -> Point:
    """`size`: before the step."""
    (x, y), (width, height), how = point, size, step["parameters"]
    match step["action"], how:
        case "crop", _:
            return x + how["x"], y + how["y"]
        case "rotate", {"angle": 90}:
            return y, height - x
        case "rotate", {"angle": 270}:
            return width - y, x
    return _apply(step, point, size)


def _shrink(step: Mapping[str, Any], size: Size) -> Size:
    """What a step leaves."""
    how = step["parameters"]
    if step["action"] == "crop":
        return how["width"], how["height"]
    return (size[1], size[0]) if how.get("angle") in (90, 270) else size


def _enlarge(edits: Edits, size: Size) -> Size:
    """Before all steps; none of them is a crop, which needs a known size."""
    for step in edits.steps:
        size = _shrink(step, size)
    return size
