"""Colours that a container names by number, as an ICC profile that describes them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from struct import pack

import numpy as np
from numpy.typing import NDArray

from media import boxes

Floats = NDArray[np.float64]

# By the numbers of ITU-T H.273: x and y of red, green, blue and white.
_D65, _DCI = (0.3127, 0.3290), (0.314, 0.351)
_PRIMARIES = {
    1: ("BT.709", (0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),
    5: ("BT.601 PAL", (0.640, 0.330), (0.290, 0.600), (0.150, 0.060), _D65),
    6: ("BT.601 NTSC", (0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    9: ("BT.2020", (0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    11: ("DCI P3", (0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _DCI),
    12: ("Display P3", (0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
}
_PQ, _HLG = 16, 18
_TRANSFERS = {4: "gamma 2.2", 5: "gamma 2.8", 8: "linear", _PQ: "PQ", _HLG: "HLG"}
# Screens show all of these as sRGB: without a number, of television, of sRGB itself.
_LIKE_SRGB = {1, 2, 6, 13, 14, 15}
_STEPS = 4096
_WHITE_NITS, _PEAK_NITS = 203, 1000  # of a page, and of what shines. ITU-R BT.2408.
_KNEE = 0.3

_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_D50 = np.array([0.9642, 1.0, 0.8249])


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
    if transfer in _LIKE_SRGB and primaries not in _PRIMARIES.keys() - {1}:
        return None
    name, *corners, white = _PRIMARIES.get(primaries, _PRIMARIES[1])
    columns = _to_xyz(corners, white).T
    tags = {
        b"desc": _description(f"{name}, {_TRANSFERS.get(transfer, 'as screens')}"),
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": _xyz(_D50),
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


def _to_xyz(corners: list[tuple[float, float]], white: tuple[float, float]) -> Floats:
    """The matrix from linear light to the XYZ of a viewer whose white is D50."""
    raw = np.array([(x / y, 1, (1 - x - y) / y) for x, y in corners]).T
    seen = np.array([white[0] / white[1], 1, (1 - white[0] - white[1]) / white[1]])
    matrix = raw * np.linalg.solve(raw, seen)
    scale = np.diag((_BRADFORD @ _D50) / (_BRADFORD @ seen))
    adapted: Floats = np.linalg.inv(_BRADFORD) @ scale @ _BRADFORD @ matrix
    return adapted


def _light(transfer: int) -> Floats:
    """How much light each value means; 1 is the most that a plain screen shows."""
    value = np.linspace(0, 1, _STEPS)
    if transfer == _PQ:  # SMPTE ST 2084
        power = value ** (1 / 78.84375)
        root = np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)
        return _dimmed(10_000 * root ** (1 / 0.1593017578125))
    if transfer == _HLG:  # ITU-R BT.2100
        scene = np.where(
            value <= 0.5,
            value**2 / 3,
            (np.exp((value - 0.55991073) / 0.17883277) + 0.28466892) / 12,
        )
        return _dimmed(_PEAK_NITS * scene**1.2)
    if transfer in _LIKE_SRGB:
        return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    exponent: float = {4: 2.2, 5: 2.8, 8: 1.0}[transfer]
    return np.asarray(value**exponent)


def _dimmed(nits: Floats) -> Floats:
    """What is darker than the knee stays as it is; above, the curve of Möbius ends at the peak."""
    light, peak, knee = np.minimum(nits, _PEAK_NITS) / _WHITE_NITS, _PEAK_NITS / _WHITE_NITS, _KNEE
    below = knee**2 - 2 * knee * peak + peak
    a, b = -(knee**2) * (peak - 1) / (knee**2 - 2 * knee + peak), below / (peak - 1)
    curve = (b + knee) ** 2 / (b - a) * (light + a) / (light + b)
    return np.where(light <= knee, light, curve)


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
    head = head.ljust(68, b"\0") + _xyz(_D50)[8:]
    return head.ljust(128, b"\0") + table + body
