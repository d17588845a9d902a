"""ThumbHash: a picture's blurred placeholder in about 25 bytes."""

from __future__ import annotations

from math import floor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float64]

MAX_SIDE = 100


def encode(rgba: NDArray[np.uint8]) -> bytes:
    """Hash pixels of shape (height, width, 4), alpha not premultiplied, no side above 100.

    The layout is the one of evanw/thumbhash: three bytes of averages, two of scales and shape, one
    more with alpha, then the cosine coefficients of brightness, two colour axes and alpha, four
    bits each.
    """
    height, width = rgba.shape[:2]
    if max(height, width) > MAX_SIDE:
        raise ValueError(f"A side is longer than {MAX_SIDE} px: {width} x {height}")

    brightness, yellow_blue, red_green, alpha = _planes(rgba.astype(np.float64) / 255)
    has_alpha = bool(alpha.min() < 1)
    # With alpha there is less room left for brightness.
    longest = 5 if has_alpha else 7
    columns = max(1, _round(longest * width / max(width, height)))
    rows = max(1, _round(longest * height / max(width, height)))

    light = _transform(brightness, max(3, columns), max(3, rows))
    colours = [_transform(yellow_blue, 3, 3), _transform(red_green, 3, 3)]
    opacity = [_transform(alpha, 5, 5)] if has_alpha else []
    landscape = width > height
    head = _header(light, *colours, short_side=rows if landscape else columns)
    head[2] |= has_alpha << 7
    head[4] |= landscape << 7
    for part in opacity:
        head.append(_round(15 * part.mean) | _round(15 * part.scale) << 4)
    return bytes(head) + _nibbles([light, *colours, *opacity])


class _Coefficients(NamedTuple):
    """One plane in the frequency domain: waves lie in 0..1 around 0.5, times `scale`."""

    mean: float
    scale: float
    waves: list[float]


def _planes(pixels: Plane) -> tuple[Plane, Plane, Plane, Plane]:
    """Lay the picture on its average colour: brightness, yellow-blue, red-green, and alpha."""
    alpha = pixels[..., 3:]
    weight = alpha.sum()
    average = (pixels[..., :3] * alpha).sum(axis=(0, 1)) / weight if weight else np.zeros(3)
    colour = average * (1 - alpha) + alpha * pixels[..., :3]
    red, green, blue = colour[..., 0], colour[..., 1], colour[..., 2]
    return (red + green + blue) / 3, (red + green) / 2 - blue, red - green, alpha[..., 0]


def _transform(plane: Plane, columns: int, rows: int) -> _Coefficients:
    """Cosine-transform a plane and keep the triangle of low frequencies."""
    height, width = plane.shape
    spectrum = _cosines(rows, height) @ plane @ _cosines(columns, width).T / (width * height)
    # Rounding errors would otherwise be scaled up to waves on a plane of one colour.
    spectrum[np.abs(spectrum) < 1e-12] = 0
    waves = [
        float(spectrum[row, column])
        for row in range(rows)
        for column in range(columns)
        if (row or column) and column * rows < columns * (rows - row)
    ]
    scale = max(map(abs, waves))
    if scale:
        waves = [0.5 + 0.5 / scale * wave for wave in waves]
    return _Coefficients(float(spectrum[0, 0]), scale, waves)


def _cosines(frequencies: int, length: int) -> Plane:
    positions = np.arange(length) + 0.5
    return np.cos(np.pi / length * np.outer(np.arange(frequencies), positions))


def _header(
    light: _Coefficients, yellow_blue: _Coefficients, red_green: _Coefficients, *, short_side: int
) -> bytearray:
    averages = (
        _round(63 * light.mean)
        | _round(31.5 + 31.5 * yellow_blue.mean) << 6
        | _round(31.5 + 31.5 * red_green.mean) << 12
        | _round(31 * light.scale) << 18
    )
    scales = short_side | _round(63 * yellow_blue.scale) << 3 | _round(63 * red_green.scale) << 9
    return bytearray(averages.to_bytes(3, "little") + scales.to_bytes(2, "little"))


def _nibbles(parts: list[_Coefficients]) -> bytes:
    values = [_round(15 * wave) for part in parts for wave in part.waves]
    if len(values) % 2:
        values.append(0)
    pairs = zip(values[::2], values[1::2], strict=True)
    return bytes(low | high << 4 for low, high in pairs)


def _round(value: float) -> int:
    """Round halves up, as the reference does; Python's own round() goes to even."""
    return floor(value + 0.5)
