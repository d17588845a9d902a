"""Opening pictures: each format by its first bytes, its size known before its pixels are."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pillow_heif
import pyvips  # type: ignore[import-untyped]
from PIL.Image import Exif

from media import apart, boxes, colours, decoders, profiles, raw
from media.apart import Pixels, pixels_of
from media.errors import UnreadableImage, refuse_too_many_pixels
from storage import media_types

# A JPEG this lean is its own preview: encoding it again would only make it worse.
LEAN_BYTES_PER_PIXEL = 0.25
# Codes of 12 bits for strings of 4096 pixels; and a canvas that is mostly empty.
GIF_PIXELS_PER_BYTE_MAX, GIF_PIXELS_ANYHOW = 2731, 20_000_000
PROFILE, ORIENTATION = "icc-profile-data", "orientation"  # as libvips calls them
# What decoders raise over damaged files.
_FAULTS = (
    *(pyvips.Error, OSError, ValueError, RuntimeError, SyntaxError),
    *(EOFError, LookupError, MemoryError),
)
_DETAIL_CHARACTERS_MAX = 200
_HEAD_BYTES = 4096  # An SVG begins with prose.
_CHANNELS = {"cmyk": 4, "b-w": 1, "grey16": 1}  # of colour; all others have three
_DEEP = {"srgb": "rgb16", "b-w": "grey16"}
_SAME_SHAPE = 0.03  # What a camera cuts off the border when it makes a preview.

# The worker runs one picture per thread: threads inside a picture and a cache of operations
# would only cost memory.
pyvips.concurrency_set(1)
pyvips.cache_set_max(0)
pyvips.block_untrusted_set(True)
logging.getLogger("pyvips").setLevel(logging.WARNING)  # It tells of every step.


class Picture(NamedTuple):
    """An opened file: its upright size, and the pixels no smaller than a given short side.

    The pixels come as they are stored: not turned, with their profile and depth.
    """

    width: int
    height: int
    load: Callable[[int], pyvips.Image]
    is_lean: bool = False  # a JPEG that can be shown to clients as it is, without its metadata


_Opener = Callable[[Path], Picture]


@contextmanager
def opened(path: Path, *, extract_embedded: bool = True) -> Iterator[Picture]:
    """The picture in a file.

    Of a RAW picture, what the camera made of it and left inside will do if it is large enough;
    unless `extract_embedded` is false and it can be developed. Raises UnreadableImage, also for
    what comes to light when its pixels are used.
    """
    name, opener = _format(path)
    if name == _RAW:
        opener = partial(_open_raw, extract_embedded=extract_embedded)
    with _explaining(name):
        yield opener(path)


@contextmanager
def _explaining(name: str) -> Iterator[None]:
    try:
        yield
    except _FAULTS as error:
        lines = str(getattr(error, "detail", "") or error).strip("' \n").splitlines()
        detail = "".join(filter(str.isprintable, lines[0])) if lines else type(error).__name__
        raise UnreadableImage(
            f"The {name} file is damaged or incomplete ({detail[:_DETAIL_CHARACTERS_MAX]})"
        ) from error


def needs_conversion(image: pyvips.Image) -> bool:
    """Whether its colours are others than those of sRGB."""
    if image.interpretation == "cmyk":
        return True
    if image.get_typeof(PROFILE) == 0:
        return False
    return "sRGB" not in (profiles.description(image.get(PROFILE)) or "")


def upright_size(image: pyvips.Image) -> tuple[int, int]:
    """Width and height as it is seen."""
    return _turned(image.width, image.height, _orientation(image) or 1)


def _orientation(image: pyvips.Image) -> int | None:
    return image.get(ORIENTATION) if image.get_typeof(ORIENTATION) else None


def _turned(width: int, height: int, orientation: int) -> tuple[int, int]:
    return (height, width) if orientation >= 5 else (width, height)


# How each format is opened.


def _open_jpeg(path: Path) -> Picture:
    return _jpeg(lambda: pyvips.Source.new_from_file(str(path)), path.stat().st_size)


def _jpeg(source: Callable[[], pyvips.Source], size_bytes: int) -> Picture:
    header = pyvips.Image.jpegload_source(source())
    width, height = upright_size(header)
    refuse_too_many_pixels(width, height)

    def load(short_side: int) -> pyvips.Image:
        # libjpeg decodes to a half, quarter or eighth for a fraction of the time.
        shrink = next(n for n in (8, 4, 2, 1) if n == 1 or min(width, height) // n >= short_side)
        return pyvips.Image.jpegload_source(
            source(), shrink=shrink, access="sequential", fail_on="error"
        )

    is_lean = (
        header.interpretation in ("srgb", "b-w")
        and not needs_conversion(header)
        and _orientation(header) in (None, 1)
        and size_bytes <= LEAN_BYTES_PER_PIXEL * width * height
    )
    return Picture(width, height, load, is_lean)


def _open_with_vips(path: Path) -> Picture:
    # A source, as a plain path is parsed for options in brackets.
    image = pyvips.Image.new_from_source(
        pyvips.Source.new_from_file(str(path)), "", access="sequential", fail_on="error"
    )
    width, height = upright_size(image)
    refuse_too_many_pixels(width, height)
    channels = _CHANNELS.get(image.interpretation, 3)
    if image.bands > channels + 1:  # Editors keep masks and selections beside the colours.
        image = image.extract_band(0, n=channels)
    if image.format in ("float", "double") and image.bands < 3:  # Linear light, from 0 to 1.
        light = image.extract_band(0)
        image = light.bandjoin([light, light]).copy(interpretation="scrgb")
    if not image.get_typeof(PROFILE) and (profile := colours.profile(path)):
        image = image.copy()
        image.set_type(pyvips.GValue.blob_type, PROFILE, profile)
    return Picture(width, height, lambda _: image)


def _open_gif(path: Path) -> Picture:
    picture = _open_with_vips(path)
    # Its decoder takes memory for all pixels at once, whatever is there.
    told = path.stat().st_size * GIF_PIXELS_PER_BYTE_MAX
    if picture.width * picture.height > max(told, GIF_PIXELS_ANYHOW):
        raise ValueError("it is too short for so many pixels")
    return picture


def _open_heic(path: Path) -> Picture:
    # libvips opens HEIC headers but has no HEVC decoder.
    heif = pillow_heif.open_heif(path, convert_hdr_to_8bit=not colours.is_bright(path))
    width, height = heif.size
    refuse_too_many_pixels(width, height)
    turn = 1
    shape = boxes.shape(path)
    if (shape is None or shape.orientation is None) and heif.info.get("exif"):
        # Some Samsung phones turn their pictures in EXIF only.
        exif = Exif()
        exif.load(heif.info["exif"])
        turn = exif.get(0x0112, 1)
    profile = heif.info.get("icc_profile") or colours.profile(path)
    return Picture(
        *_turned(width, height, turn),
        lambda _: _from_pixels(pixels_of(np.asarray(heif), profile=profile, orientation=turn)),
    )


def _open_apart(decode: Callable[[Path], Pixels | bytes], path: Path) -> Picture:
    """Decode it at once, in a process of its own."""
    decoded = apart.run(decode, path)
    if isinstance(decoded, bytes):
        # The file itself is no JPEG, and so not lean.
        return _jpeg(_in_memory(decoded), len(decoded))._replace(is_lean=False)
    size = _turned(decoded.width, decoded.height, decoded.orientation)
    return Picture(*size, lambda _: _from_pixels(decoded))


def _open_raw(path: Path, *, extract_embedded: bool) -> Picture:
    found = apart.run(raw.look, path)
    preview = _preview(found)
    if found.width:
        size = found.width, found.height
    elif preview:
        return preview
    else:
        raise UnreadableImage("It cannot be developed here, and its preview is damaged")

    def load(short_side: int) -> pyvips.Image:
        if preview and extract_embedded and min(preview[:2]) >= min(short_side, *size):
            return preview.load(short_side)
        try:
            is_half_enough = min(size) // 2 >= short_side
            return _from_pixels(apart.run(raw.develop, path, is_half_enough))
        except UnreadableImage:
            if preview is None:
                raise
            return preview.load(short_side)

    return Picture(*size, load)


def _preview(found: raw.Raw) -> Picture | None:
    """What the camera left, unless it shows another part, or is turned nobody knows how."""
    if found.preview is None:
        return None
    source = _in_memory(found.preview)
    try:
        header = pyvips.Image.jpegload_source(source())
        stored = _jpeg(source, len(found.preview))
    except pyvips.Error:
        return None
    turn = _orientation(header) or found.orientation
    size = _turned(header.width, header.height, turn)
    if found.width and not _is_same_shape(size, (found.width, found.height)):
        turn, size = 1, (header.width, header.height)  # It may have been turned already.
        if not _is_same_shape(size, (found.width, found.height)):
            return None

    def load(short_side: int) -> pyvips.Image:
        image = stored.load(short_side).copy()
        image.set_type(pyvips.GValue.gint_type, ORIENTATION, turn)
        return image

    return Picture(*size, load)


def _is_same_shape(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return abs(one[0] * other[1] / (one[1] * other[0]) - 1) <= _SAME_SHAPE


# From a decoder to libvips.


def _in_memory(data: bytes) -> Callable[[], pyvips.Source]:
    return lambda: pyvips.Source.new_from_memory(data)


def _from_pixels(pixels: Pixels) -> pyvips.Image:
    kind, space = "uchar", pixels.space
    if pixels.bits == 16:
        kind, space = "ushort", _DEEP.get(space, space)
    image = pyvips.Image.new_from_memory(
        pixels.samples, pixels.width, pixels.height, pixels.bands, kind
    ).copy(interpretation=space)
    image.set_type(pyvips.GValue.gint_type, ORIENTATION, pixels.orientation)
    if pixels.profile:
        image.set_type(pyvips.GValue.blob_type, PROFILE, pixels.profile)
    return image


# How each format is known.


def _format(path: Path) -> tuple[str, _Opener]:
    """Tell the format by its first bytes: names lie, and libvips would guess on.

    Only RAW pictures go by their name: they begin in as many ways as there are cameras.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise UnreadableImage(f"The file cannot be opened: {error.strerror}") from error
    if not head:
        raise UnreadableImage("The file is empty")
    is_raw = media_types.kind(path.name) == "raw"
    for name, opener, is_one in _FORMATS:
        if is_one(head) and not (is_raw and name == "TIFF"):
            return name, opener
    if is_raw:
        return _RAW, partial(_open_raw, extract_embedded=True)
    raise UnreadableImage(
        "Pictures of this kind cannot be rendered: it is none of "
        + ", ".join([*(name for name, _, _ in _FORMATS), _RAW])
    )


def _brand(*brands: bytes) -> Callable[[bytes], bool]:
    """Match the major brand, or a compatible one behind the generic `mif1` and `msf1`."""

    def is_one(head: bytes) -> bool:
        if head[4:8] != b"ftyp":
            return False
        if head[8:12] not in (b"mif1", b"msf1"):
            return head[8:12] in brands
        end = min(int.from_bytes(head[:4], "big"), len(head))
        return any(head[at : at + 4] in brands for at in range(16, end, 4))

    return is_one


def _begins(*starts: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(starts)


_XML = re.compile(rb"(\xef\xbb\xbf)?\s*<")
_SVG = re.compile(rb"<(\w+:)?svg[\s>]")

_RAW = "RAW"
_FORMATS: list[tuple[str, _Opener, Callable[[bytes], bool]]] = [
    ("JPEG", _open_jpeg, _begins(b"\xff\xd8\xff")),
    ("PNG", _open_with_vips, _begins(b"\x89PNG\r\n\x1a\n")),
    ("WebP", _open_with_vips, lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP"),
    ("GIF", _open_gif, _begins(b"GIF87a", b"GIF89a")),
    ("TIFF", _open_with_vips, _begins(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    ("AVIF", _open_with_vips, _brand(b"avif", b"avis")),
    ("HEIC", _open_heic, _brand(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")),
    ("BMP", partial(_open_apart, decoders.decode_bmp), _begins(b"BM")),
    (
        "JPEG XL",
        partial(_open_apart, decoders.decode_jxl),
        _begins(b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"),
    ),
    (
        "JPEG 2000",
        partial(_open_apart, decoders.decode_jp2),
        _begins(b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n"),
    ),
    ("Photoshop", partial(_open_apart, decoders.decode_psd), _begins(b"8BPS")),
    (
        "SVG",
        partial(_open_apart, decoders.decode_svg),
        lambda head: bool(_XML.match(head) and _SVG.search(head)),
    ),
]
