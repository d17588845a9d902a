"""Colours that a container names by number, as an ICC profile that describes them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from struct import pack

import numpy as np

from media import boxes, colorimetry
from media.colorimetry import Floats

_PQ, _HLG = 16, 18
_TRANSFERS = {4: "gamma 2.2", 5: "gamma 2.8", 8: "linear", _PQ: "PQ", _HLG: "HLG"}
# Screens show all of these as sRGB: without a number, of television, of sRGB itself.
_LIKE_SRGB = {1, 2, 6, 13, 14, 15}
_STEPS = 4096


def profile(path: Path) -> bytes | None:
    """The colours of a HEIF or AVIF picture, or of a PNG, that names them by number; None: sRGB."""
    named = boxes.colours(path) or _of_png(path)
    return by_number(*named) if named else None


def is_bright(path: Path) -> bool:
    """Whether it is HDR, which takes more than 8 bits."""
    named = boxes.colours(path)
    return named is not None and named[1] in (_PQ, _HLG)


@cache
def by_number(primaries: int, transfer: int) -> bytes | None:
    """A profile of version 2, after ICC.1:2001; None for sRGB and for numbers nobody uses.

    What is brighter than the white of a page is brought down to it.
    """
    if transfer not in _TRANSFERS and transfer not in _LIKE_SRGB:
        return None
    if transfer in _LIKE_SRGB and primaries not in colorimetry.PRIMARIES.keys() - {
        colorimetry.BT709
    }:
        return None
    known = primaries if primaries in colorimetry.PRIMARIES else colorimetry.BT709
    name, columns = colorimetry.PRIMARIES[known][0], colorimetry.to_xyz(known).T
    tags = {
        b"desc": _description(f"{name}, {_TRANSFERS.get(transfer, 'as screens')}"),
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": _xyz(colorimetry.D50),
        **{
            tag: _xyz(column)
            for tag, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)
        },
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _curve(transfer)),
    }
    return _file(tags)


def _of_png(path: Path) -> tuple[int, int] | None:
    with path.open("rb") as file:
        if file.read(8) != b"\x89PNG\r\n\x1a\n":
            return None
        while len(head := file.read(8)) == 8 and head[4:] not in (b"IDAT", b"IEND"):
            if head[4:] == b"cICP":
                primaries, transfer, *_ = file.read(4).ljust(4, b"\0")
                return primaries, transfer
            file.seek(int.from_bytes(head[:4], "big") + 4, 1)
    return None


def _light(transfer: int) -> Floats:
    """How much light each value means; 1 is the most that a plain screen shows."""
    value = np.linspace(0, 1, _STEPS)
    if transfer == _PQ:
        return _dimmed(colorimetry.pq(value))
    if transfer == _HLG:
        return _dimmed(colorimetry.PEAK_NITS * colorimetry.hlg(value) ** 1.2)
    if transfer in _LIKE_SRGB:
        return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    exponent: float = {4: 2.2, 5: 2.8, 8: 1.0}[transfer]
    return np.asarray(value**exponent)


def _dimmed(nits: Floats) -> Floats:
    shown = np.minimum(nits, colorimetry.PEAK_NITS) / colorimetry.WHITE_NITS
    return colorimetry.mobius(shown, colorimetry.PEAK_NITS / colorimetry.WHITE_NITS)


# How a profile is written.


def _description(name: str) -> bytes:
    text = name.encode() + b"\0"
    return pack(">4sII", b"desc", 0, len(text)) + text + bytes(8 + 3 + 67)


def _xyz(numbers: Floats) -> bytes:
    return pack(">4sI3i", b"XYZ ", 0, *(round(65536 * number) for number in numbers))


def _curve(transfer: int) -> bytes:
    steps = np.round(_light(transfer) * 65535).clip(0, 65535)
    return pack(">4sII", b"curv", 0, _STEPS) + steps.astype(">u2").tobytes()


def _file(tags: dict[bytes, bytes]) -> bytes:
    table, body = pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    placed: dict[bytes, int] = {}
    for tag, content in tags.items():
        if content not in placed:
            placed[content] = start + len(body)
            body += content + bytes(-len(content) % 4)
        table += pack(">4sII", tag, placed[content], len(content))
    size = start + len(body)
    head = pack(">I4xI4s4s4s12x4s", size, 0x02100000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    head = head.ljust(68, b"\0") + _xyz(colorimetry.D50)[8:]
    return head.ljust(128, b"\0") + table + body
