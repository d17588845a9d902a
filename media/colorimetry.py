"""How numbers mean light and colours: as ITU, SMPTE and screens have it. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WHITE_NITS, PEAK_NITS = 203.0, 1000.0  # of a page, and of what shines. ITU-R BT.2408.
_LINEAR = 0.3  # the part of a page's white up to which Möbius' curve leaves light as it is

BT709, BT2020 = 1, 9
_D65, _DCI = (0.3127, 0.3290), (0.314, 0.351)
# By the numbers of ITU-T H.273: x and y of red, green, blue and white.
PRIMARIES = {
    BT709: ("BT.709", (0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),
    5: ("BT.601 PAL", (0.640, 0.330), (0.290, 0.600), (0.150, 0.060), _D65),
    6: ("BT.601 NTSC", (0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    BT2020: ("BT.2020", (0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    11: ("DCI P3", (0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _DCI),
    12: ("Display P3", (0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
}
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
D50 = np.array([0.9642, 1.0, 0.8249])


def pq(signal: Floats) -> Floats:
    """Nits. SMPTE ST 2084."""
    power = signal ** (32 / 2523)
    ratio = np.maximum(power - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * power)
    return np.asarray(10_000 * ratio ** (16384 / 2610))


def hlg(signal: Floats) -> Floats:
    """The light of the scene, from 0 to 1. ITU-R BT.2100."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)


def mobius(light: Floats, peak: float) -> Floats:
    """From light of up to `peak` to that of up to 1: bent where it is bright, without a kink."""
    if peak <= 1:
        return light
    square = _LINEAR**2
    a = -square * (peak - 1) / (square - 2 * _LINEAR + peak)
    b = (square - 2 * _LINEAR * peak + peak) / (peak - 1)
    bent = (b + _LINEAR) ** 2 / (b - a) * (light + a) / (light + b)
    return np.where(light <= _LINEAR, light, bent)


def to_xyz(primaries: int) -> Floats:
    """The matrix from linear light to the XYZ of a viewer whose white is D50."""
    _, *corners, white = PRIMARIES[primaries]
    raw = np.array([(x / y, 1, (1 - x - y) / y) for x, y in corners]).T
    seen = np.array([white[0] / white[1], 1, (1 - white[0] - white[1]) / white[1]])
    matrix = raw * np.linalg.solve(raw, seen)
    scale = np.diag((_BRADFORD @ D50) / (_BRADFORD @ seen))
    adapted: Floats = np.linalg.inv(_BRADFORD) @ scale @ _BRADFORD @ matrix
    return adapted
