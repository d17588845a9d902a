"""Decoders that are less seen to than others; media.apart runs them in a process of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import BmpImagePlugin, Image, Jpeg2KImagePlugin

from media import boxes, jxl, psd
from media.apart import Pixels, pixels_of
from media.errors import UnreadableImage, refuse_too_many_pixels

# The 200 megapixels are checked by ourselves, and before.
Image.MAX_IMAGE_PIXELS = None

decode_psd = psd.decode
_SVG_BYTES_MAX = 20 << 20


def decode_jxl(path: Path) -> Pixels | bytes:
    """A JPEG that was packed without loss comes back as that JPEG."""
    shape = jxl.shape(path)
    if shape is None:
        raise ValueError("its size cannot be read")
    refuse_too_many_pixels(shape.width, shape.height)
    import pillow_jxl  # Here, so that it is in no other process's memory.

    decoder = pillow_jxl.Decoder(num_threads=0)
    try:
        is_jpeg, info, samples, profile, _ = decoder(path.read_bytes())
    except RuntimeError as error:  # It asks to be built from source.
        raise ValueError("its data cannot be decoded") from error
    if is_jpeg:
        return bytes(samples)
    bits = 16 if info.mode.endswith(";16") else 8
    if info.mode.startswith("F"):
        light = np.frombuffer(samples, np.float16 if bits == 16 else np.float32)
        samples, bits = (light.clip(0, 1) * 65535).astype(np.uint16).tobytes(), 16
    return Pixels(
        info.width,
        info.height,
        info.num_channels + info.has_alpha_channel,
        bits,
        bytes(samples),
        "b-w" if info.num_channels < 3 else "srgb",
        bytes(profile) or None,
    )


def decode_jp2(path: Path) -> Pixels:
    with path.open("rb") as file:
        picture = Jpeg2KImagePlugin.Jpeg2KImageFile(file)
        refuse_too_many_pixels(*picture.size)
        picture.load()
    if picture.mode == "CMYK":
        return pixels_of(np.asarray(picture), "cmyk", profile=boxes.jp2_profile(path))
    is_plain = picture.mode in ("L", "LA", "I;16", "RGB", "RGBA")
    shown = picture if is_plain else picture.convert("RGBA")
    return pixels_of(np.asarray(shown), profile=boxes.jp2_profile(path))


def decode_bmp(path: Path) -> Pixels:
    with BmpImagePlugin.BmpImageFile(path) as picture:
        refuse_too_many_pixels(*picture.size)
        shown = picture.convert("RGBA" if "A" in picture.getbands() else "RGB")
    return pixels_of(np.asarray(shown))


def decode_svg(path: Path) -> Pixels:
    """Drawn at the size that it asks for; without one, at that of its view box.

    librsvg gets bytes and no address, and so loads nothing that is not inside; entities that
    swell, and references without end, it refuses itself.
    """
    import pyvips  # type: ignore[import-untyped]  # Here, as a fork of it would not be sound.

    if path.stat().st_size > _SVG_BYTES_MAX:
        raise UnreadableImage(f"It has more than {_SVG_BYTES_MAX >> 20} MiB")
    pyvips.block_untrusted_set(True)
    pyvips.operation_block_set("VipsForeignLoadSvg", False)
    pyvips.concurrency_set(1)
    drawing = pyvips.Image.svgload_buffer(path.read_bytes())
    refuse_too_many_pixels(drawing.width, drawing.height)
    samples = bytes(drawing.cast("uchar").write_to_memory())
    return Pixels(drawing.width, drawing.height, drawing.bands, 8, samples)
