"""Films inside of pictures: where the phones of Google, Samsung and their kin put them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from struct import calcsize, unpack
from struct import error as StructError
from typing import Any, BinaryIO, NamedTuple

import exiv2  # type: ignore[import-untyped]

from media import boxes
from media.errors import UnreadableImage
from media.tags import Tags

logger = logging.getLogger(__name__)

FILM_BYTES_MAX = 1 << 30  # They last seconds: the longest of 8K have some 100 MB.
BLOCK_BYTES = 1 << 20
_ITEMS_MAX = 32
_TRAILER_BYTES_MAX = 1 << 20
_TRAILER_ENTRIES_MAX = 1000
_SAMSUNG_FILM = b"MotionPhoto_Data"

# Files may call these namespaces as they like: exiv2 then takes our names for them.
for _uri, _prefix in (
    ("http://ns.google.com/photos/1.0/camera/", "GCamera"),
    ("http://ns.google.com/photos/1.0/container/", "Container"),
    ("http://ns.google.com/photos/1.0/container/item/", "Item"),
):
    exiv2.XmpProperties.registerNs(_uri, _prefix)


class Span(NamedTuple):
    """A part of a file, in bytes."""

    start: int
    length: int


def find(path: Path, own: Tags) -> Span | None:
    """Find the film in a picture; None where there is none, or where it is damaged."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        reasons = []
        for claim in _claims(file, size, own):
            reason = _fault(file, size, claim)
            if reason is None:
                return claim
            reasons.append(reason)
    if reasons:
        logger.warning("The film in %s is left out: %s", path.name, "; ".join(reasons))
    return None


def copy(path: Path, span: Span, write: Callable[[bytes], object]) -> None:
    """Hand on a part of a file block by block. Raises UnreadableImage when it has become less."""
    left = span.length
    with path.open("rb") as file:
        file.seek(span.start)
        while left:
            block = file.read(min(left, BLOCK_BYTES))
            if not block:
                raise UnreadableImage("The file became shorter while its film was read")
            write(block)
            left -= len(block)


def _claims(file: BinaryIO, size: int, own: Tags) -> Iterator[Span]:
    """Where a film is said to be; what says it itself first, then what programs say from afar."""
    places = list(boxes.walk(file, 0, size)) if _starts_as_boxes(file, 0) else []
    yield from (_body(place) for place in places if place.kind == b"mpvd")
    trailers = [_body(place) for place in places if place.kind == b"sefd"]
    for trailer in trailers or [Span(0, size)]:
        yield from _in_trailer(file, trailer)
    yield from _in_container(own, size)
    if own.number("Xmp.GCamera.MicroVideo") == 1:
        length = _whole_number(own, "Xmp.GCamera.MicroVideoOffset")
        if length is not None:
            yield Span(size - length, length)


def _in_container(own: Tags, size: int) -> Iterator[Span]:
    """Google's second form: a list of what is in the file, in that order; the film at its end.

    Source: https://developer.android.com/media/platform/motion-photo-format
    """
    if own.number("Xmp.GCamera.MotionPhoto") != 1:
        return
    after = 0
    for number in range(_count_items(own), 0, -1):
        item = f"Xmp.Container.Directory[{number}]/Container:Item/Item"
        length = _whole_number(own, f"{item}:Length")
        padding = _whole_number(own, f"{item}:Padding") or 0
        if own.text(f"{item}:Semantic") == "MotionPhoto" and length is not None:
            # Padding lies before the film where it is counted at all.
            for start in dict.fromkeys((size - after - length - padding, size - after - length)):
                yield Span(start, length)
            return
        after += (length or 0) + padding


def _count_items(own: Tags) -> int:
    numbers = range(1, _ITEMS_MAX + 1)
    found = (n for n in numbers if own.text(f"Xmp.Container.Directory[{n}]") is None)
    return next(found, _ITEMS_MAX + 1) - 1


def _whole_number(own: Tags, name: str) -> int | None:
    number = own.number(name)
    return int(number) if number is not None else None


def _in_trailer(file: BinaryIO, within: Span) -> Iterator[Span]:
    """Samsung's table of named data; the film itself in JPEG, in HEIC where to find it.

    Source: exiftool's reading of Samsung trailers.
    """
    end = within.start + within.length
    size, sign = _read(file, "<I4s", end - 8) or (0, b"")
    if sign != b"SEFT" or not 12 <= size <= min(_TRAILER_BYTES_MAX, within.length - 8):
        return
    table = end - 8 - size
    head, _, count = _read(file, "<4sII", table) or (b"", 0, 0)
    if head != b"SEFH":
        return
    for number in range(min(count, _TRAILER_ENTRIES_MAX)):
        entry = _read(file, "<HHII", table + 12 + 12 * number)
        if entry is None:
            return
        start, length = table - entry[2], entry[3]
        name_bytes = (_read(file, "<I", start + 4) or (0,))[0]
        name = (_read(file, f"<{len(_SAMSUNG_FILM)}s", start + 8) or (b"",))[0]
        if name_bytes == len(_SAMSUNG_FILM) and name == _SAMSUNG_FILM:
            data = Span(start + 8 + name_bytes, length - 8 - name_bytes)
            yield _pointed_to(file, data) or data


def _pointed_to(file: BinaryIO, data: Span) -> Span | None:
    sign, start, length = _read(file, ">4sII", data.start) or (b"", 0, 0)
    return Span(start, length) if sign == b"mpv2" else None


def _fault(file: BinaryIO, size: int, span: Span) -> str | None:
    """Say why there is no whole film there; None if there is."""
    end = span.start + span.length
    if span.length > FILM_BYTES_MAX:
        return f"{span.length} bytes are too many"
    if span.length < 8 or span.start <= 0 or end > size:
        return f"bytes {span.start} to {end} are not all in the file of {size}"
    if not _starts_as_boxes(file, span.start):
        return f"no film begins at byte {span.start}"
    has_table = False
    for place in boxes.walk(file, span.start, end):
        if place.told > end and place.kind in (b"moov", b"mdat"):
            return "it is cut off"
        has_table |= place.kind == b"moov"
    return None if has_table else f"what begins at byte {span.start} has no pictures"


def _starts_as_boxes(file: BinaryIO, start: int) -> bool:
    _, kind = _read(file, ">I4s", start) or (0, b"")
    return bool(kind == b"ftyp")


def _body(place: boxes.Place) -> Span:
    return Span(place.start, place.end - place.start)


def _read(file: BinaryIO, form: str, start: int) -> tuple[Any, ...] | None:
    """Unpack what lies there; None where the file has no such place."""
    if start < 0:
        return None
    file.seek(start)
    try:
        return unpack(form, file.read(calcsize(form)))
    except StructError:
        return None
