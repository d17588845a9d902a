"""The rarer formats: right colours from one picture, nothing from outside, no bombs."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
import pyvips
from PIL import Image, ImageCms

from media import colours, formats, images, jxl, metadata
from media.errors import UnreadableImage
from tests.media import pictures, rare
from tests.media.pictures import distance, opened, scene

PHOTOS = Path("../shared/photos/formats")
ALIKE = 4.0
INK = 30  # Pillow's inks are ideal, those of the fallback profile are not.


def planes(mode: str = "RGB") -> np.ndarray:
    pixels = np.asarray(scene().convert(mode))
    return np.atleast_3d(pixels).transpose(2, 0, 1)


def save(picture: Image.Image, path: Path, **options: object) -> Path:
    picture.save(path, **options)
    return path


def jpeg(**options: object) -> bytes:
    target = io.BytesIO()
    scene().save(target, "JPEG", quality=90, **options)
    return target.getvalue()


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def vips(path: Path, **options: object) -> Path:
    pixels = pyvips.Image.new_from_array(np.asarray(scene())).copy(interpretation="srgb")
    if options.pop("deep", False):
        pixels = (pixels.cast("ushort") * 257).cast("ushort").copy(interpretation="rgb16")
    elif options.pop("light", False):
        pixels = pixels.colourspace("scrgb")
    elif options.pop("lab", False):
        pixels = pixels.colourspace("lab")
    elif count := options.pop("masks", 0):
        masks = [pixels.extract_band(n % 3) for n in range(count)]
        pixels = pixels.bandjoin(masks).copy(interpretation="srgb")
    elif options.pop("grey_light", False):
        pixels = pixels.colourspace("scrgb").extract_band(1).copy(interpretation="b-w")
    pixels.write_to_file(str(path), **options)
    return path


def pages(path: Path) -> Path:
    return save(
        scene(), path, save_all=True, append_images=[Image.new("RGB", (90, 90)) for _ in range(3)]
    )


def mpo(path: Path) -> Path:
    return save(
        scene(), path, format="MPO", save_all=True, append_images=[Image.new("RGB", (300, 200))]
    )


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '


def drawn(path: Path, *, start: bytes = b"") -> Path:
    target = io.BytesIO()
    scene().save(target, "PNG")
    inside = b"data:image/png;base64," + base64.b64encode(target.getvalue())
    body = b'width="300" height="200"><image width="300" height="200" xlink:href="%s"/></svg>'
    return written(path, start + SVG + body % inside)


RARE: dict[str, tuple[Callable[[Path], Path], float]] = {
    "jxl": (lambda d: rare.jxl(scene(), d / "a.jxl"), ALIKE),
    "grey jxl": (lambda d: rare.jxl(scene().convert("L"), d / "a.jxl"), ALIKE),
    "16 bit grey jxl of light": (lambda d: rare.jxl(light(), d / "a.jxl"), ALIKE),
    "jxl of a jpeg": (lambda d: rare.jxl_of_jpeg(jpeg(), d / "a.jxl"), ALIKE),
    "jp2": (lambda d: save(scene(), d / "a.jp2"), ALIKE),
    "lossy jp2": (
        lambda d: save(scene(), d / "a.jp2", irreversible=True, quality_layers=[20]),
        ALIKE,
    ),
    "grey jp2": (lambda d: save(scene().convert("L"), d / "a.jp2"), ALIKE),
    "16 bit grey jp2": (lambda d: save(deep_grey(), d / "a.jp2"), ALIKE),
    "naked jp2": (lambda d: save(scene(), d / "a.j2k").rename(d / "a.jp2"), ALIKE),
    "psd": (lambda d: rare.psd(planes(), d / "a.psd", mode=3), ALIKE),
    "packed psd": (lambda d: rare.psd(planes(), d / "a.psd", mode=3, is_packed=True), ALIKE),
    "large psd": (
        lambda d: rare.psd(planes(), d / "a.psd", mode=3, is_packed=True, is_large=True),
        ALIKE,
    ),
    "16 bit psd": (
        lambda d: rare.psd(planes().astype(np.uint16) * 257, d / "a.psd", mode=3, is_packed=True),
        ALIKE,
    ),
    "32 bit psd": (
        lambda d: rare.psd(((planes() / 255) ** 2.2).astype(np.float32), d / "a.psd", mode=3),
        ALIKE,
    ),
    "grey psd": (lambda d: rare.psd(planes("L"), d / "a.psd", mode=1), ALIKE),
    "16 bit grey psd": (
        lambda d: rare.psd(planes("L").astype(np.uint16) * 257, d / "a.psd", mode=1),
        ALIKE,
    ),
    "cmyk psd": (lambda d: rare.psd(255 - planes("CMYK"), d / "a.psd", mode=4), INK),
    "16 bit cmyk psd": (
        lambda d: rare.psd((255 - planes("CMYK")).astype(np.uint16) * 257, d / "a.psd", mode=4),
        INK,
    ),
    "lab psd": (lambda d: rare.psd(lab(), d / "a.psd", mode=9), ALIKE),
    "indexed psd": (lambda d: indexed_psd(d / "a.psd"), 8),
    "svg": (lambda d: drawn(d / "a.svg"), ALIKE),
    "svg with a preamble": (
        lambda d: drawn(
            d / "a.svg", start=b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- drawn by hand -->\n'
        ),
        ALIKE,
    ),
    "16 bit png": (lambda d: vips(d / "a.png", deep=True), ALIKE),
    "interlaced png": (lambda d: vips(d / "a.png", interlace=True), ALIKE),
    "16 bit tiff": (lambda d: vips(d / "a.tif", deep=True), ALIKE),
    "tiff of light": (lambda d: vips(d / "a.tif", light=True), ALIKE),
    "grey tiff of light": (lambda d: vips(d / "a.tif", grey_light=True), ALIKE),
    "tiff with two masks": (lambda d: vips(d / "a.tif", masks=2), ALIKE),
    "tiff with three masks": (lambda d: vips(d / "a.tif", masks=3), ALIKE),
    "lab tiff": (lambda d: vips(d / "a.tif", lab=True), ALIKE),
    "tiled tiff": (lambda d: vips(d / "a.tif", tile=True, compression="jpeg", Q=90), ALIKE),
    "bigtiff": (lambda d: vips(d / "a.tif", bigtiff=True, compression="deflate"), ALIKE),
    "tiff of pages": (lambda d: pages(d / "a.tif"), ALIKE),
    "12 bit avif": (
        lambda d: vips(d / "a.avif", deep=True, compression="av1", bitdepth=12, Q=80),
        ALIKE,
    ),
    "mpo": (lambda d: mpo(d / "a.mpo"), ALIKE),
    "insp": (lambda d: written(d / "a.insp", jpeg() + b"the other lens"), ALIKE),
    "jpe": (lambda d: written(d / "a.jpe", jpeg()), ALIKE),
    "hif": (lambda d: heif(d / "a.hif"), ALIKE),
    "jpeg with a gain map": (lambda d: written(d / "a.jpg", jpeg() + jpeg()), ALIKE),
    "animated png": (lambda d: pages(d / "a.png"), ALIKE),
}


def deep_grey() -> Image.Image:
    return Image.fromarray(np.asarray(scene().convert("L")).astype(np.uint16) * 257)


def light() -> Image.Image:
    """Green as linear light: what the encoder takes for granted with 16 bits."""
    shown = np.asarray(scene().getchannel("G")) / 255
    linear = np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)
    return Image.fromarray((linear * 65535).astype(np.uint16))


def heif(path: Path) -> Path:
    pillow_heif.from_pillow(scene()).save(path, format="HEIF")
    return path


def lab() -> np.ndarray:
    to_lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    picture = np.asarray(ImageCms.profileToProfile(scene(), *to_lab, outputMode="LAB"))
    return (picture ^ np.array([0, 128, 128], np.uint8)).transpose(2, 0, 1)


def indexed_psd(path: Path) -> Path:
    indexed = scene().quantize(200)
    palette = np.array(indexed.getpalette("RGB")).reshape(-1, 3)
    palette = np.pad(palette, ((0, 256 - len(palette)), (0, 0))).astype(np.uint8)
    return rare.psd(np.asarray(indexed)[None], path, mode=2, palette=palette.T.tobytes())


@pytest.mark.parametrize("name", RARE)
def test_each_format_looks_like_the_picture_it_was_made_of(name: str, tmp_path: Path) -> None:
    make, limit = RARE[name]

    made = images.render(make(tmp_path))

    expected = scene()
    if "grey" in name:
        expected = expected.getchannel("G") if "light" in name else expected.convert("L")
    assert (made.width, made.height) == (300, 200)
    assert distance(opened(made.preview), expected) < limit
    assert distance(opened(made.thumbnail), expected) < limit


def test_a_bitmap(tmp_path: Path) -> None:
    black_and_white = scene(301, 201).convert("L").point(lambda v: 255 * (v > 100)).convert("1")
    path = rare.psd(np.asarray(black_and_white)[None], tmp_path / "a.psd", mode=0, is_packed=True)

    assert distance(opened(images.render(path).preview), black_and_white) < 8


@pytest.mark.parametrize("suffix", ["jxl", "jp2", "psd", "svg"])
def test_transparency(suffix: str, tmp_path: Path) -> None:
    clear, path = scene(alpha=True), tmp_path / f"a.{suffix}"
    if suffix == "jxl":
        rare.jxl(clear, path)
    elif suffix == "psd":
        rare.psd(np.asarray(clear).transpose(2, 0, 1), path, mode=3, has_alpha=True)
    elif suffix == "jp2":
        clear.save(path)
    else:
        target = io.BytesIO()
        clear.save(target, "PNG")
        inside = base64.b64encode(target.getvalue())
        path.write_bytes(
            SVG + b'width="300" height="200"><image width="300" height="200" '
            b'xlink:href="data:image/png;base64,%s"/></svg>' % inside
        )

    made = images.render(path)

    white = Image.new("RGBA", clear.size, "white")
    white.alpha_composite(clear)
    assert distance(opened(made.preview), white) < ALIKE
    fade = np.asarray(opened(made.thumbnail).getchannel("A"), float)
    assert np.abs(fade - np.asarray(clear.getchannel("A"), float)).mean() < ALIKE


def test_a_channel_beside_the_colours_is_no_transparency(tmp_path: Path) -> None:
    mask = np.concatenate([planes(), np.zeros((1, 200, 300), np.uint8)])
    path = rare.psd(mask, tmp_path / "a.psd", mode=3)

    assert distance(opened(images.render(path).thumbnail).convert("RGB"), scene()) < ALIKE


@pytest.mark.parametrize("suffix", ["psd", "jp2", "jxl", "mpo"])
def test_wide_colours(suffix: str, tmp_path: Path) -> None:
    source = pyvips.Image.new_from_array(np.asarray(scene())).copy(interpretation="srgb")
    wide = source.icc_transform("p3", input_profile="srgb")
    profile, pixels, path = wide.get("icc-profile-data"), wide.numpy(), tmp_path / f"a.{suffix}"
    if suffix == "psd":
        rare.psd(pixels.transpose(2, 0, 1), path, mode=3, profile=profile)
    elif suffix == "jp2":
        Image.fromarray(pixels).save(path)
        path.write_bytes(with_profile(path.read_bytes(), profile))
    elif suffix == "mpo":
        Image.fromarray(pixels).save(path, "JPEG", quality=95, icc_profile=profile)
    else:
        target = io.BytesIO()
        Image.fromarray(pixels).save(target, "JPEG", quality=95, icc_profile=profile)
        rare.jxl_of_jpeg(target.getvalue(), path)

    made = images.render(path)

    assert distance(opened(made.preview), scene()) < distance(Image.fromarray(pixels), scene()) / 2


def with_profile(jp2: bytes, profile: bytes) -> bytes:
    """Put a profile where the name of the colours was."""
    at = jp2.index(b"colr") - 4
    (size,) = struct.unpack_from(">I", jp2, at)
    box = struct.pack(">I4sBBB", 11 + len(profile), b"colr", 2, 0, 0) + profile
    header = jp2.index(b"jp2h") - 4
    (whole,) = struct.unpack_from(">I", jp2, header)
    grown = struct.pack(">I", whole + len(box) - size)
    return jp2[:header] + grown + jp2[header + 4 : at] + box + jp2[at + size :]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_packed_jpeg_is_upright(orientation: int, tmp_path: Path) -> None:
    target = io.BytesIO()
    stored = pictures.turned(scene(), orientation)
    stored.save(target, "JPEG", quality=90, exif=pictures.exif(orientation).tobytes())
    path = rare.jxl_of_jpeg(target.getvalue(), tmp_path / "a.jxl")

    made = images.render(path)

    assert (made.width, made.height) == (300, 200)
    assert distance(opened(made.preview), scene()) < ALIKE


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jxl_that_is_to_be_turned_is_upright(orientation: int, tmp_path: Path) -> None:
    stored = pictures.turned(scene(), orientation)
    path = rare.jxl(stored, tmp_path / "a.jxl", orientation=orientation)

    made = images.render(path)

    assert jxl.shape(path) == (*stored.size, orientation)
    assert (made.width, made.height) == (300, 200)
    assert distance(opened(made.preview), scene()) < ALIKE


@pytest.mark.parametrize("suffix", ["jpg", "tif", "psd"])
def test_ink_is_shown_as_its_profile_says(suffix: str, tmp_path: Path) -> None:
    source = pyvips.Image.new_from_array(np.asarray(scene())).copy(interpretation="srgb")
    dull = source.linear(0.4, 80).cast("uchar")  # within what can be printed
    ink = dull.icc_transform("cmyk", input_profile="srgb")
    path = tmp_path / f"a.{suffix}"
    if suffix == "psd":
        planes_of_ink = 255 - ink.numpy().transpose(2, 0, 1)
        rare.psd(planes_of_ink, path, mode=4, profile=ink.get("icc-profile-data"))
    else:
        ink.write_to_file(str(path), **({"Q": 95} if suffix == "jpg" else {}))

    assert distance(opened(images.render(path).preview), Image.fromarray(dull.numpy())) < 5


# Colours by number.


def encoded(shown: np.ndarray, transfer: int) -> np.ndarray:
    """Values of Display P3 or BT.2020 for sRGB that is not bright, as PQ or HLG would have it."""
    light = np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)
    to_p3 = np.array([[0.8225, 0.1774, 0.0], [0.0332, 0.9669, 0.0], [0.0171, 0.0724, 0.9108]])
    light = light @ to_p3.T
    if transfer == 16:
        power = (light * 203 / 10000) ** 0.1593017578125
        return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    if transfer == 18:
        scene_light = (light * 203 / 1000) ** (1 / 1.2)
        return np.where(
            scene_light <= 1 / 12,
            np.sqrt(3 * scene_light),
            0.17883277 * np.log(np.maximum(12 * scene_light - 0.28466892, 1e-9)) + 0.55991073,
        )
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("transfer", [13, 16, 18])
@pytest.mark.parametrize("suffix", ["heic", "png", "avif"])
def test_colours_that_are_named_by_number(suffix: str, transfer: int, tmp_path: Path) -> None:
    dim = np.asarray(scene(), float) / 255 * 0.55  # It stays below what is brought down.
    values = encoded(dim, transfer)
    path = tmp_path / f"a.{suffix}"
    deep = np.round(values * 65535).clip(0, 65535).astype(np.uint16)
    named = {"color_primaries": 12, "transfer_characteristics": transfer}
    if suffix == "heic":
        file = pillow_heif.from_bytes("RGB;16", (300, 200), deep.tobytes())
        file.save(path, save_nclx_profile=True, quality=95, **named)
    else:
        pixels = pyvips.Image.new_from_array(deep).copy(interpretation="rgb16")
        if suffix == "png":
            data = pixels.pngsave_buffer()
            path.write_bytes(data[:33] + chunk(b"cICP", bytes([12, transfer, 0, 1])) + data[33:])
        else:
            Image.fromarray((deep >> 8).astype(np.uint8)).save(path, quality=100)
            path.write_bytes(renumbered(path.read_bytes(), transfer))

    made = images.render(path)

    expected = Image.fromarray(np.round(dim * 255).astype(np.uint8))
    unconverted = Image.fromarray(np.round(values * 255).clip(0, 255).astype(np.uint8))
    assert distance(opened(made.preview), expected) < 2.5
    assert distance(unconverted, expected) > 2.8


def renumbered(avif: bytes, transfer: int) -> bytes:
    at = avif.index(b"colrnclx") + 8
    return avif[:at] + struct.pack(">HH", 12, transfer) + avif[at + 4 :]


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@pytest.mark.parametrize("primaries", [1, 9, 12])
@pytest.mark.parametrize("transfer", [4, 8, 13, 16, 18])
def test_white_stays_white_and_black_black(primaries: int, transfer: int) -> None:
    profile = colours.by_number(primaries, transfer)
    if (primaries, transfer) == (1, 13):
        assert profile is None
        return
    assert profile
    steps = np.repeat(np.linspace(0, 65535, 256).astype(np.uint16), 3).reshape(1, 256, 3)
    ramp = pyvips.Image.new_from_array(steps).copy(interpretation="rgb16")
    ramp.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)

    shown = images.fit(ramp, 256, images.form.settings).numpy()[0].astype(int)

    assert (np.abs(shown - shown[:, :1]) <= 1).all(), "grey stays grey"
    assert (np.diff(shown[:, 1]) >= 0).all(), "what is brighter stays brighter"
    assert shown[0, 1] <= 1 and shown[-1, 1] >= 254


# JPEG XL, whose size we read ourselves.


@pytest.mark.parametrize(
    "size",
    [(1, 1), (8, 8), (256, 256), (300, 200), (200, 300), (1024, 768), (1920, 1080), (9, 600)],
)
def test_the_size_of_a_jxl_is_known_before(size: tuple[int, int], tmp_path: Path) -> None:
    naked = rare.jxl(scene(*size), tmp_path / "a.jxl")
    packed = rare.jxl_of_jpeg(jpeg(), tmp_path / "b.jxl")

    assert jxl.shape(naked) == (*size, 1)
    assert jxl.shape(packed) == (300, 200, 1)
    assert jxl.shape(written(tmp_path / "c.jpg", jpeg())) is None


@pytest.mark.parametrize("name", ["16bit-HDR-P3-nclx.jxl", "8bit-sRGB.jxl"])
def test_real_jxl(name: str) -> None:
    path = PHOTOS / "jxl" / name
    if not path.exists():
        pytest.skip("the folder of real photos is absent")
    shape = jxl.shape(path)

    made = images.render(path)

    assert shape is not None and (made.width, made.height) == shape[:2]


# Bombs.


def jxl_header(width: int, height: int) -> bytes:
    bits, at = 0, 0
    for value, count in ((0, 1), (3, 2), (height - 1, 30), (0, 3), (3, 2), (width - 1, 30), (1, 1)):
        bits |= value << at
        at += count
    return b"\xff\x0a" + bits.to_bytes(40, "little")


def jp2_header(width: int, height: int) -> bytes:
    size = struct.pack(">HHHIIIIIIIIH", 0xFF51, 47, 0, width, height, 0, 0, width, height, 0, 0, 3)
    return b"\xff\x4f" + size + b"\x07\x01\x01" * 3 + b"\xff\xd9"


def gif_header(width: int, height: int) -> bytes:
    frame = struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\0;"
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6) + b"," + frame


def tiff_header(width: int, height: int) -> bytes:
    tags = [
        (256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 200),
        (277, 3, 1), (278, 4, height), (279, 4, 40),
    ]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(200)


def psd_header(width: int, height: int) -> bytes:
    return struct.pack(">4sH6xHIIHH", b"8BPS", 2, 3, height, width, 8, 3) + bytes(40)


def svg_header(width: int, height: int) -> bytes:
    return SVG + b'width="%d" height="%d"><rect width="9" height="9"/></svg>' % (width, height)


@pytest.mark.parametrize("suffix", ["jxl", "jp2", "gif", "tif", "psd", "svg"])
def test_what_is_too_large_is_refused_before_it_is_decoded(suffix: str, tmp_path: Path) -> None:
    head = globals()[f"{suffix.replace('tif', 'tiff')}_header"](20_001, 30_002)
    path = written(tmp_path / f"a.{suffix}", head)

    with pytest.raises(UnreadableImage, match="20001 x 30002 pixels; more than 200 megapixels"):
        images.render(path)


def test_a_gif_that_lies_about_its_size(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="too short for so many pixels"):
        images.render(written(tmp_path / "a.gif", gif_header(14_000, 14_000)))


@pytest.mark.parametrize("suffix", ["heic", "avif"])
def test_a_container_that_lies_about_its_size(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    if suffix == "heic":
        pictures.save_heic(scene(64, 64), path)
    else:
        scene(64, 64).save(path)
    data = path.read_bytes()
    honest = struct.pack(">II", 64, 64)
    assert honest in data
    path.write_bytes(data.replace(honest, struct.pack(">II", 30_000, 30_000)))

    with pytest.raises(UnreadableImage):
        images.render(path)


def test_names_do_not_matter(tmp_path: Path) -> None:
    path = rare.jxl(scene(), tmp_path / "a.jxl").rename(tmp_path / "a.jpg")

    with formats.opened(path) as picture:
        assert (picture.width, picture.height) == (300, 200)


def test_the_size_of_a_jxl_is_in_its_metadata(tmp_path: Path) -> None:
    sent = datetime(2024, 5, 6, tzinfo=UTC)
    path = rare.jxl(scene(), tmp_path / "a.jxl")

    found = metadata.read(path, file_created_at=sent, file_modified_at=sent)

    assert (found.width, found.height, found.orientation) == (300, 200, "1")
