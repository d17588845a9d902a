"""Photoshop documents: the picture as it was saved beside its layers."""

from __future__ import annotations

import mmap
from pathlib import Path
from struct import unpack_from
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from media.apart import Pixels, pixels_of
from media.errors import UnreadableImage, refuse_too_many_pixels

_BITMAP, _GREY, _INDEXED, _RGB, _CMYK, _MULTICHANNEL, _DUOTONE, _LAB = 0, 1, 2, 3, 4, 7, 8, 9
_COLOURS = {
    _BITMAP: 1, _GREY: 1, _INDEXED: 1, _RGB: 3, _CMYK: 4, _MULTICHANNEL: 1, _DUOTONE: 1, _LAB: 3,
}  # fmt: skip
_PROFILE = 1039
_RAW, _PACKED = 0, 1

Samples = NDArray[np.uint8] | NDArray[np.uint16]


class _Document(NamedTuple):
    channels: int
    height: int
    width: int
    depth: int
    mode: int
    is_large: bool
    palette: bytes
    profile: bytes | None
    has_alpha: bool
    data: memoryview


def decode(path: Path) -> Pixels:
    """Source: Adobe Photoshop File Formats Specification. Raises UnreadableImage, ValueError."""
    with path.open("rb") as file:
        # Layers can be gigabytes, and nothing of them is needed.
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    channels, height, width, depth, mode = unpack_from(">HIIHH", data, 12)
    refuse_too_many_pixels(width, height)
    if mode not in _COLOURS or depth not in (1, 8, 16, 32) or (depth == 1) != (mode == _BITMAP):
        raise UnreadableImage(f"Photoshop's colours of mode {mode} with {depth} bits are not read")
    if channels < _COLOURS[mode] or not width or not height:
        raise ValueError("it has too few channels")
    document = _read(data, channels, height, width, depth, mode)
    planes = [_plane(document, n) for n in range(_COLOURS[mode] + document.has_alpha)]
    return _pixels(document, planes)


def _read(
    data: memoryview, channels: int, height: int, width: int, depth: int, mode: int
) -> _Document:
    is_large = data[5] == 2
    palette, at = _section(data, 26, 4)
    resources, at = _section(data, at, 4)
    layers, at = _section(data, at, 8 if is_large else 4)
    # A negative number of layers says that the first channel after the colours is opacity.
    (count,) = unpack_from(">h", layers, 8 if is_large else 4) if len(layers) > 9 else (0,)
    has_alpha = count < 0 and channels > _COLOURS[mode] and mode in (_GREY, _RGB, _CMYK)
    return _Document(
        channels=channels,
        height=height,
        width=width,
        depth=depth,
        mode=mode,
        is_large=is_large,
        palette=bytes(palette),
        profile=_resource(bytes(resources), _PROFILE),
        has_alpha=has_alpha,
        data=data[at:],
    )


def _section(data: memoryview, at: int, length_bytes: int) -> tuple[memoryview, int]:
    start = at + length_bytes
    end = start + int.from_bytes(data[at:start], "big")
    if end > len(data):
        raise ValueError("it is cut off")
    return data[start:end], end


def _resource(resources: bytes, wanted: int) -> bytes | None:
    at = 0
    while at + 12 <= len(resources):
        signature, number, name_length = unpack_from(">4sHB", resources, at)
        at += 6 + (name_length + 2) // 2 * 2
        (size,) = unpack_from(">I", resources.ljust(at + 4), at)
        if signature != b"8BIM":
            return None
        if number == wanted:
            return resources[at + 4 : at + 4 + size]
        at += 4 + (size + 1) // 2 * 2
    return None


def _plane(document: _Document, number: int) -> NDArray[np.uint8]:
    """The bytes of one channel, row by row."""
    row = (document.width * document.depth + 7) // 8
    (compression,) = unpack_from(">H", document.data)
    size = row * document.height
    plane: bytes | memoryview
    if compression == _RAW:
        plane = document.data[2 + number * size : 2 + (number + 1) * size]
        if len(plane) < size:
            raise ValueError("it is cut off")
    elif compression == _PACKED:
        plane = _unpack(document, number, row)
    else:
        raise UnreadableImage(f"Photoshop's compression {compression} is not read")
    return np.frombuffer(plane, np.uint8).reshape(document.height, row)


def _unpack(document: _Document, number: int, row: int) -> bytes:
    rows = document.channels * document.height
    kind = np.dtype(">u4" if document.is_large else ">u2")
    lengths = np.frombuffer(document.data, kind, rows, 2).astype(np.int64)
    first = number * document.height
    start = 2 + rows * kind.itemsize + int(lengths[:first].sum())
    end = start + int(lengths[first : first + document.height].sum())
    packed = document.data[start:end]
    return Image.frombytes("L", (row, document.height), packed, "packbits", "L").tobytes()


def _pixels(document: _Document, planes: list[NDArray[np.uint8]]) -> Pixels:
    mode, profile = document.mode, document.profile
    samples: list[Samples]
    if mode == _BITMAP:
        samples = [255 * (1 - np.unpackbits(planes[0], axis=1)[:, : document.width])]
    elif mode == _INDEXED:
        palette = np.frombuffer(document.palette[:768].ljust(768, b"\0"), np.uint8).reshape(3, 256)
        samples = [colour[planes[0]] for colour in palette]
    else:
        samples = [_samples(plane, document.depth) for plane in planes]
    if mode == _CMYK:  # Stored is the light that the ink lets through.
        samples = [np.iinfo(ink.dtype).max - ink for ink in samples[:4]] + samples[4:]
    stacked: NDArray[Any] = np.dstack(samples)
    if mode == _LAB:
        stacked, profile = _without_lab(stacked), None
    return pixels_of(stacked, "cmyk" if mode == _CMYK else None, profile=profile)


def _samples(plane: NDArray[np.uint8], depth: int) -> Samples:
    if depth == 8:
        return plane
    if depth == 16:
        return plane.view(">u2").astype(np.uint16)
    light = np.nan_to_num(plane.view(">f4")).clip(0, 1)  # of linear light
    return np.asarray(light ** (1 / 2.2) * 65535, np.uint16)


def _without_lab(stacked: NDArray[Any]) -> NDArray[np.uint8]:
    if stacked.dtype != np.uint8:
        stacked = (stacked >> 8).astype(np.uint8)
    # Pillow keeps a* and b* with a sign, the document with an offset.
    signed = np.dstack([stacked[:, :, 0], stacked[:, :, 1] ^ 128, stacked[:, :, 2] ^ 128])
    picture = Image.frombytes("LAB", signed.shape[1::-1], signed.tobytes())
    profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    shown = ImageCms.profileToProfile(picture, *profiles, outputMode="RGB")
    return np.asarray(shown)
