"""Containers made of boxes (ISO/IEC 14496-12), and what those of HEIF, AVIF and JPEG 2000 say."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from struct import error as StructError
from struct import unpack_from
from typing import BinaryIO, NamedTuple

LONGEST_HEADER = 1 << 20
_HEAD_BYTES = 16  # of a box, at the most
_BOXES_MAX = 10_000
_LAST_PLACE = 1 << 62  # Files know of none behind.

# (quarter turns anticlockwise, mirror axis or None) → the EXIF orientation that shows the same.
# The container turns first and mirrors then; axis 0 flips top and bottom, axis 1 left and right.
_TURNED: dict[tuple[int, int | None], int] = {
    (0, None): 1,
    (1, None): 8,
    (2, None): 3,
    (3, None): 6,
}
_MIRRORED = {(0, 0): 4, (1, 0): 5, (2, 0): 2, (3, 0): 7, (0, 1): 2, (1, 1): 7, (2, 1): 4, (3, 1): 5}
_ORIENTATIONS = _TURNED | _MIRRORED


class Shape(NamedTuple):
    """The primary picture as stored; `orientation` is None where the container asks for no turn."""

    width: int
    height: int
    orientation: int | None


class Place(NamedTuple):
    """Where a box has its body; `told` is where it says itself that it ends, which may be later."""

    kind: bytes
    start: int
    end: int
    told: int


class _Box(NamedTuple):
    kind: bytes
    body: bytes


def walk(file: BinaryIO, start: int, end: int) -> Iterator[Place]:
    """The outermost boxes of a part of a file, as far as they can be followed."""
    for _ in range(_BOXES_MAX):
        file.seek(start)
        head = file.read(_HEAD_BYTES) if start + 8 <= end else b""
        if len(head) < 8:
            return
        size, kind = unpack_from(">I4s", head)
        body = start + 8
        if size == 1:
            size, body = int.from_bytes(head[8:], "big"), body + 8
        told = end if size == 0 else start + size
        if told < body or told > _LAST_PLACE:
            return
        yield Place(kind, body, min(told, end), told)
        start = told


def shape(path: Path) -> Shape | None:
    """Read the size and the turn from the container; None for any other kind of file.

    Decoders apply the turn while decoding, and EXIF then only repeats it. Source: ISO/IEC 23008-12
    (`irot`, `imir`, `ispe`) and 14496-12 (boxes).
    """
    try:
        found = {box.kind: box.body for box in _of_primary(_head(path))}
        return _shape(found) if found else None
    except (StructError, IndexError, ZeroDivisionError):
        return None


def colours(path: Path) -> tuple[int, int] | None:
    """The primaries and the transfer that the container names by the numbers of ITU-T H.273."""
    try:
        for kind, body in _of_primary(_head(path)):
            if kind == b"colr" and body[:4] == b"nclx":
                primaries, transfer = unpack_from(">HH", body, 4)
                return primaries, transfer
    except (StructError, IndexError):
        pass
    return None


def jp2_profile(path: Path) -> bytes | None:
    """The ICC profile of a JPEG 2000 file. Source: ISO/IEC 15444-1 (`jp2h`, `colr`)."""
    header = _first(_boxes(_head(path)), b"jp2h") or b""
    for kind, body in _boxes(header):
        if kind == b"colr" and body[:1] == b"\2":
            return body[3:]
    return None


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LONGEST_HEADER)


def _of_primary(head: bytes) -> Iterator[_Box]:
    """What is told of the picture that is meant to be seen."""
    meta = _first(_boxes(head), b"meta")
    if meta is None:
        return
    inside = list(_boxes(meta[4:]))
    primary = _first(inside, b"pitm")
    properties = _first(inside, b"iprp")
    if primary is None or properties is None:
        return
    item = unpack_from(">H" if primary[0] == 0 else ">I", primary, 4)[0]
    yield from _properties_of(item, list(_boxes(properties)))


def _shape(found: Mapping[bytes, bytes]) -> Shape:
    width, height = unpack_from(">II", found.get(b"ispe", b""), 4)
    if b"clap" in found:  # Encoders pad to whole blocks, and cut that off again.
        above, below, above_too, below_too = unpack_from(">IIII", found[b"clap"])
        width, height = above // below, above_too // below_too
    turn = None
    if b"irot" in found or b"imir" in found:
        quarters = found.get(b"irot", b"\0")[0] & 3
        axis = found[b"imir"][0] & 1 if b"imir" in found else None
        turn = _ORIENTATIONS[quarters, axis]
    return Shape(width, height, turn)


def _properties_of(item: int, boxes: list[_Box]) -> Iterator[_Box]:
    """Follow `ipma` from an item to its entries in `ipco`."""
    known = list(_boxes(_first(boxes, b"ipco") or b""))
    for kind, table in boxes:
        if kind != b"ipma":
            continue
        wide_item, wide_index = table[0] >= 1, bool(table[3] & 1)
        (count,) = unpack_from(">I", table, 4)
        position = 8
        for _ in range(count):
            (owner,) = unpack_from(">I" if wide_item else ">H", table, position)
            position += 4 if wide_item else 2
            links = table[position]
            position += 1
            for _ in range(links):
                if wide_index:
                    index = unpack_from(">H", table, position)[0] & 0x7FFF
                else:
                    index = table[position] & 0x7F
                position += 2 if wide_index else 1
                if owner == item and 0 < index <= len(known):
                    yield known[index - 1]


def _boxes(data: bytes) -> Iterator[_Box]:
    for place in walk(io.BytesIO(data), 0, len(data)):
        yield _Box(place.kind, data[place.start : place.end])


def _first(boxes: Iterator[_Box] | list[_Box], kind: bytes) -> bytes | None:
    return next((box.body for box in boxes if box.kind == kind), None)
