"""JPEG XL: the size and the turn, told before anything is decoded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from media import boxes
from media.boxes import Shape

NAKED, BOXED = b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"
# Width by height, where the header only names the ratio.
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
_SIZE_BITS = (9, 13, 18, 30)


def shape(path: Path) -> Shape | None:
    """The size as stored, and the turn that decoders apply; None for any other kind of file.

    Source: ISO/IEC 18181-1 (SizeHeader, ImageMetadata) and 18181-2 (boxes).
    """
    with path.open("rb") as file:
        start = file.read(len(BOXED))
        if start[:2] == NAKED:
            file.seek(0)
        elif start != BOXED or not _go_to_codestream(file):
            return None
        head = file.read(32)
    return _shape(head[2:]) if head[:2] == NAKED and len(head) > 12 else None


def _go_to_codestream(file: BinaryIO) -> bool:
    for place in boxes.walk(file, 0, file.seek(0, os.SEEK_END)):
        if place.kind in (b"jxlc", b"jxlp"):
            file.seek(place.start + (4 if place.kind == b"jxlp" else 0))
            return True
    return False


def _shape(head: bytes) -> Shape:
    bits = _Bits(head)
    is_small = bits.take(1)
    height = _side(bits, is_small)
    ratio = bits.take(3)
    if ratio:
        above, below = _RATIOS[ratio]
        width = height * above // below
    else:
        width = _side(bits, is_small)
    is_all_default = bits.take(1)
    turn = 1 + bits.take(3) if not is_all_default and bits.take(1) else 1
    return Shape(width, height, turn)


def _side(bits: _Bits, is_small: int) -> int:
    return 8 * (1 + bits.take(5)) if is_small else 1 + bits.take(_SIZE_BITS[bits.take(2)])


class _Bits:
    """Numbers of so many bits, the lowest bit first."""

    def __init__(self, data: bytes) -> None:
        self._rest = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        number = self._rest & ((1 << count) - 1)
        self._rest >>= count
        return number
