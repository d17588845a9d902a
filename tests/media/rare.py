"""Files of formats that nobody here writes otherwise, made byte by byte."""

from __future__ import annotations

import io
from pathlib import Path
from struct import pack

import numpy as np
import pillow_jxl
from numpy.typing import NDArray
from PIL import Image

# XYZ with the white of D65 to linear sRGB, in thousandths: a camera that sees as screens show.
_CAMERA = (3240, -1537, -498, -969, 1876, 41, 55, -204, 1057)


def jxl(
    picture: Image.Image, path: Path, *, quality: float = 95, orientation: int | None = None
) -> Path:
    encoder = pillow_jxl.Encoder(picture.mode, False, quality, 0, 3, False, False, 0)
    data = encoder(picture.tobytes(), *picture.size, jpeg_encode=False)
    path.write_bytes(_with_turn(data, orientation) if orientation else data)
    return path


# What the encoder says in one bit, that all is as usual, field by field: values and their bits.
# The first is that it is not; then follow extras, of which the turn is one. ISO/IEC 18181-1.
_UNUSUAL = (
    *((0, 1), (1, 1), (None, 3), (0, 1), (0, 1), (0, 1), (0, 1), (0, 2), (1, 1), (0, 2)),
    *((1, 1), (1, 1), (1, 1), (0, 2), (1, 1)),
)


def _with_turn(data: bytes, orientation: int) -> bytes:
    header = int.from_bytes(data[2:12], "little")
    # One bit whether it is small, the height, the ratio, and where there is none the width.
    is_small, at = header & 1, 1
    for number in range(2):
        at += 5 if is_small else 2 + (9, 13, 18, 30)[header >> at & 3]
        if number == 0:
            ratio, at = header >> at & 7, at + 3
            if ratio:
                break
    assert header >> at & 3 == 3, "all is as usual"
    bits, end = header & ((1 << at) - 1), at
    for value, length in _UNUSUAL:
        bits |= (orientation - 1 if value is None else value) << end
        end += length
    return data[:2] + bits.to_bytes((end + 7) // 8, "little") + data[2 + (at + 2 + 7) // 8 :]


def jxl_of_jpeg(data: bytes, path: Path) -> Path:
    """The same JPEG, packed without loss."""
    encoder = pillow_jxl.Encoder("RGB", True, 100, 0, 3, True, False, 0)
    path.write_bytes(encoder(data, *Image.open(io.BytesIO(data)).size, jpeg_encode=True))
    return path


def psd(
    planes: NDArray[np.generic],
    path: Path,
    *,
    mode: int,
    is_packed: bool = False,
    is_large: bool = False,
    has_alpha: bool = False,
    palette: bytes = b"",
    profile: bytes = b"",
) -> Path:
    """`planes` has the shape (channels, height, width)."""
    channels, height, width = planes.shape
    depth = 8 * planes.dtype.itemsize
    stored = planes.astype(planes.dtype.newbyteorder(">")).tobytes()
    if planes.dtype == bool:
        depth, stored = 1, np.packbits(~planes, axis=2).tobytes()
    row = len(stored) // (channels * height)
    if is_packed:
        rows = [_packed(stored[at : at + row]) for at in range(0, len(stored), row)]
        lengths = b"".join(pack(">I" if is_large else ">H", len(one)) for one in rows)
        stored = lengths + b"".join(rows)
    resources = b"8BIM" + pack(">HH", 1005, 0) + pack(">I", 3) + b"abc\0"
    if profile:
        resources += b"8BIM" + pack(">HHI", 1039, 0, len(profile)) + profile
        resources += bytes(len(profile) % 2)
    wide = ">Q" if is_large else ">I"
    layers = pack(wide, 2) + pack(">h", -1) + bytes(6) if has_alpha else b""
    path.write_bytes(
        pack(">4sH6xHIIHH", b"8BPS", 1 + is_large, channels, height, width, depth, mode)
        + pack(">I", len(palette))
        + palette
        + pack(">I", len(resources))
        + resources
        + pack(wide, len(layers))
        + layers
        + pack(">H", is_packed)
        + stored
    )
    return path


def _packed(row: bytes) -> bytes:
    """One run, where the row begins with one, and the rest as it is."""
    run = next((n for n in range(len(row)) if row[n] != row[0]), len(row))
    run = min(run, 128)
    parts = [pack(">bB", 1 - run, row[0])] if run > 1 else []
    rest = row[run:] if run > 1 else row
    parts += [
        pack(">b", len(p) - 1) + p for at in range(0, len(rest), 128) if (p := rest[at : at + 128])
    ]
    return b"".join(parts)


def dng(
    picture: Image.Image | None,
    path: Path,
    *,
    orientation: int = 1,
    preview: bytes = b"",
    size: tuple[int, int] | None = None,
    border: int = 0,
) -> Path:
    """A RAW picture as a camera with red, green, green and blue pixels sees it.

    `preview` is a JPEG for the first page. Without a picture there is nothing to develop.
    A border of so many pixels sees no light.
    """
    sensor = _mosaic(picture) if picture else b""
    width, height = size or (picture.size if picture else (64, 48))
    first = _Page()
    first.put(254, "I", 1)
    if preview:
        first.put(256, "I", Image.open(io.BytesIO(preview)).width)
        first.put(257, "I", Image.open(io.BytesIO(preview)).height)
        first.put(258, "H", 8, 8, 8)
        first.put(259, "H", 7)
        first.put(262, "H", 6)
        first.put(277, "H", 3)
        first.put(279, "I", len(preview))
        first.data(273, preview)
    first.put(271, "s", b"Heliograph\0")
    first.put(272, "s", b"Camera obscura\0")
    first.put(274, "H", orientation)
    first.put(50706, "B", 1, 4, 0, 0)
    first.put(50707, "B", 1, 1, 0, 0)
    first.put(50708, "s", b"Heliograph Camera obscura\0")
    first.put(50721, "R", *_CAMERA)
    first.put(50728, "R", 1000, 1000, 1000)
    first.put(50778, "H", 21)
    inner = _Page()
    for tag, kind, values in (
        (254, "I", (0,)), (256, "I", (width,)), (257, "I", (height,)), (258, "H", (16,)),
        (259, "H", (1,)), (262, "H", (32803,)), (277, "H", (1,)), (278, "I", (height,)),
        (279, "I", (2 * width * height,)), (33421, "H", (2, 2)), (33422, "B", (0, 1, 1, 2)),
        (50714, "H", (0,)), (50717, "I", (65535,)),
    ):  # fmt: skip
        inner.put(tag, kind, *values)
    if border:
        inner.put(50829, "I", border, border, height - border, width - border)
    inner.data(273, sensor)
    first.page(330, inner)
    path.write_bytes(b"II*\0" + pack("<I", 8) + first.write(8))
    return path


def _mosaic(picture: Image.Image) -> bytes:
    shown = np.asarray(picture.convert("RGB"), float) / 255
    light = np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)
    seen = light[:, :, 1].copy()
    seen[::2, ::2] = light[::2, ::2, 0]
    seen[1::2, 1::2] = light[1::2, 1::2, 2]
    return (seen * 65535).astype("<u2").tobytes()


class _Page:
    """One page of a TIFF."""

    def __init__(self) -> None:
        self._tags: dict[int, tuple[int, int, bytes]] = {}
        self._places: dict[int, bytes | _Page] = {}

    def put(self, tag: int, kind: str, *values: int | bytes) -> None:
        if kind == "s":
            (text,) = values
            assert isinstance(text, bytes)
            self._tags[tag] = 2, len(text), text
        elif kind == "R":
            pairs = b"".join(pack("<ii", value, 1000) for value in values)
            self._tags[tag] = 10 if tag == 50721 else 5, len(values), pairs
        else:
            number = {"B": 1, "H": 3, "I": 4}[kind]
            self._tags[tag] = number, len(values), pack(f"<{len(values)}{kind}", *values)

    def data(self, tag: int, content: bytes) -> None:
        self._places[tag] = content

    def page(self, tag: int, page: _Page) -> None:
        self._places[tag] = page

    def write(self, start: int) -> bytes:
        """The page, to be put at that offset."""
        count = len(self._tags) + len(self._places)
        end = start + 2 + 12 * count + 4
        entries, body = {}, b""
        for tag, (kind, length, value) in self._tags.items():
            place = value.ljust(4, b"\0")
            if len(value) > 4:
                body += bytes(len(body) % 2)
                place, body = pack("<I", end + len(body)), body + value
            entries[tag] = pack("<HHI", tag, kind, length) + place
        for tag, content in self._places.items():
            body += bytes(len(body) % 2)
            at = end + len(body)
            body += content.write(at) if isinstance(content, _Page) else content
            entries[tag] = pack("<HHII", tag, 4, 1, at)
        table = b"".join(entries[tag] for tag in sorted(entries))
        return pack("<H", count) + table + pack("<I", 0) + body
