"""ThumbHash against its definition, written out slowly."""

from __future__ import annotations

from math import cos, floor, pi

import numpy as np
import pytest
from numpy.typing import NDArray

from media import thumbhash

Pixels = NDArray[np.uint8]


def scene(width: int, height: int, *, alpha: bool) -> Pixels:
    """A gradient with a bright corner, see-through at the left when asked for.

    Grainy, as a wave of exactly zero is rounded by chance.
    """
    pixels = np.zeros((height, width, 4), np.uint8)
    pixels[..., 0] = np.linspace(20, 240, width)[None, :]
    pixels[..., 1] = np.linspace(200, 10, height)[:, None]
    pixels[..., 2] = 90
    pixels[: height // 3, : width // 4, :3] = 250
    pixels[..., 3] = np.linspace(50, 255, width)[None, :]
    pixels -= np.random.default_rng(5).integers(0, 10, pixels.shape, np.uint8)
    if not alpha:
        pixels[..., 3] = 255
    return pixels


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("size", [(100, 75), (75, 100), (64, 64), (100, 20), (9, 100), (20, 30)])
def test_the_hash_is_the_one_of_the_definition(size: tuple[int, int], alpha: bool) -> None:
    pixels = scene(*size, alpha=alpha)

    assert thumbhash.encode(pixels) == by_definition(pixels)


def test_one_colour_has_its_average_and_no_waves() -> None:
    red = np.full((50, 50, 4), (255, 0, 0, 255), np.uint8)

    hashed = thumbhash.encode(red)

    header = int.from_bytes(hashed[:3], "little")
    assert header & 63 == 21  # A third of 63: brightness.
    assert header >> 6 & 63 == 47  # Half way from grey to yellow.
    assert header >> 12 & 63 == 63  # As red as can be.
    assert header >> 18 == 0  # No brightness waves, no alpha.


def test_shape_and_alpha_are_in_the_header() -> None:
    def flags(pixels: Pixels) -> tuple[bool, bool]:
        hashed = thumbhash.encode(pixels)
        return bool(hashed[2] & 128), bool(hashed[4] & 128)

    assert flags(scene(80, 40, alpha=False)) == (False, True)
    assert flags(scene(40, 80, alpha=True)) == (True, False)


def test_nothing_to_see_is_a_hash_too() -> None:
    assert len(thumbhash.encode(np.zeros((10, 10, 4), np.uint8))) > 5


def test_large_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match="100 px"):
        thumbhash.encode(np.zeros((101, 10, 4), np.uint8))


def by_definition(pixels: Pixels) -> bytes:
    height, width = pixels.shape[:2]
    points = [[[int(v) / 255 for v in pixels[y, x]] for x in range(width)] for y in range(height)]
    flat = [point for row in points for point in row]
    weight = sum(point[3] for point in flat)
    mean = [sum(p[c] * p[3] for p in flat) / weight if weight else 0 for c in range(3)]
    alpha = weight < width * height
    limit = 5 if alpha else 7
    columns = max(1, floor(limit * width / max(width, height) + 0.5))
    rows = max(1, floor(limit * height / max(width, height) + 0.5))

    def channel(kind: str, x: int, y: int) -> float:
        *colour, a = points[y][x]
        r, g, b = (mean[c] * (1 - a) + colour[c] * a for c in range(3))
        return {"l": (r + g + b) / 3, "p": (r + g) / 2 - b, "q": r - g, "a": a}[kind]

    def waves(kind: str, nx: int, ny: int) -> tuple[float, float, list[float]]:
        found = {}
        for v in range(ny):
            for u in range(nx):
                if u * ny < nx * (ny - v):
                    found[u, v] = sum(
                        channel(kind, x, y)
                        * cos(pi / width * u * (x + 0.5))
                        * cos(pi / height * v * (y + 0.5))
                        for x in range(width)
                        for y in range(height)
                    ) / (width * height)
        dc = found.pop((0, 0))
        scale = max(abs(f) for f in found.values())
        return dc, scale, [0.5 + 0.5 / scale * f if scale else f for f in found.values()]

    def whole(number: float) -> int:
        return floor(number + 0.5)

    light = waves("l", max(3, columns), max(3, rows))
    yellow, red = waves("p", 3, 3), waves("q", 3, 3)
    landscape = width > height
    bits24 = (
        whole(63 * light[0])
        | whole(31.5 + 31.5 * yellow[0]) << 6
        | whole(31.5 + 31.5 * red[0]) << 12
        | whole(31 * light[1]) << 18
        | alpha << 23
    )
    bits16 = (
        (rows if landscape else columns)
        | whole(63 * yellow[1]) << 3
        | whole(63 * red[1]) << 9
        | landscape << 15
    )
    out = bytearray(bits24.to_bytes(3, "little") + bits16.to_bytes(2, "little"))
    channels = [light, yellow, red]
    if alpha:
        opacity = waves("a", 5, 5)
        out.append(whole(15 * opacity[0]) | whole(15 * opacity[1]) << 4)
        channels.append(opacity)
    nibbles = [whole(15 * f) for part in channels for f in part[2]]
    for index, nibble in enumerate(nibbles):
        if index % 2:
            out[-1] |= nibble << 4
        else:
            out.append(nibble)
    return bytes(out)
