"""JPEG streams: the picture without what a camera wrote around it."""

from __future__ import annotations

import re
from struct import unpack_from

# In compressed data 0xFF is followed by zero, a restart marker or padding; anything else ends it.
_END_OF_DATA = re.compile(rb"\xff(?=[^\x00\xd0-\xd7\xff])")

_START, _END, _SCAN = b"\xff\xd8", 0xD9, 0xDA
_JFIF, _ADOBE, _COMMENT = 0xE0, 0xEE, 0xFE


def bare(data: bytes) -> bytes:
    """Return the stream without EXIF (and so without places), profiles, comments and appendices.

    The pixels stay as they are. Raises ValueError where the segments do not hold together.
    """
    parts, position = [_START], 2
    while True:
        if data[position : position + 1] != b"\xff":
            raise ValueError("A segment does not begin where the one before it ends")
        marker = data[position + 1] if position + 1 < len(data) else _END
        if marker == _END:
            return b"".join([*parts, b"\xff\xd9"])
        if marker == 0xFF:  # Padding before a marker.
            position += 1
            continue
        end = _end_of_segment(data, position, marker)
        if not _is_dispensable(marker):
            parts.append(data[position:end])
        position = end


def _end_of_segment(data: bytes, position: int, marker: int) -> int:
    if position + 4 > len(data):
        raise ValueError("A segment is cut off")
    end: int = position + 2 + unpack_from(">H", data, position + 2)[0]
    if marker == _SCAN:
        following = _END_OF_DATA.search(data, end)
        if following is None:
            raise ValueError("The compressed data has no end")
        end = following.start()
    return end


def _is_dispensable(marker: int) -> bool:
    # The Adobe segment says how the colours are coded: without it a decoder may swap them.
    return marker == _COMMENT or (0xE0 <= marker <= 0xEF and marker not in (_JFIF, _ADOBE))
