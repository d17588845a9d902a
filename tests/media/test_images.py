"""Renditions of every format, orientation, colour and kind of damage."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from media import images
from media.errors import UnreadableImage
from tests.media import pictures
from tests.media.pictures import distance, opened, scene

PHOTOS = Path("../shared/photos")
needs_photos = pytest.mark.skipif(not PHOTOS.exists(), reason="the folder of real photos is absent")

# Lossy formats with chroma at half resolution stay well below this; a wrong turn does not.
ALIKE = 4.0


def save(picture: Image.Image, path: Path, **options: object) -> Path:
    if path.suffix == ".heic":
        pictures.save_heic(picture, path, **options)
    else:
        picture.save(path, **options)
    return path


def gif(path: Path) -> Path:
    frames = [scene(), Image.new("RGB", (300, 200), "black")]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    return path


def animated_webp(path: Path) -> Path:
    frames = [scene(), Image.new("RGB", (300, 200), "black")]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100, quality=90)
    return path


def sixteen_bits(path: Path) -> Path:
    wide = pyvips.Image.new_from_array(np.asarray(scene()).astype(np.uint16) * 257)
    wide.copy(interpretation="rgb16").write_to_file(str(path))
    return path


FORMATS: dict[str, Callable[[Path], Path]] = {
    "jpeg": lambda d: save(scene(), d / "a.jpg", quality=90),
    "progressive jpeg": lambda d: save(scene(), d / "a.jpg", quality=90, progressive=True),
    "cmyk jpeg": lambda d: save(scene().convert("CMYK"), d / "a.jpg", quality=95),
    "png": lambda d: save(scene(), d / "a.png"),
    "palette png": lambda d: save(scene().quantize(200), d / "a.png"),
    "16 bit png": lambda d: sixteen_bits(d / "a.png"),
    "webp": lambda d: save(scene(), d / "a.webp", quality=90),
    "animated webp": lambda d: animated_webp(d / "a.webp"),
    "gif": lambda d: gif(d / "a.gif"),
    "tiff": lambda d: save(scene(), d / "a.tif", compression="tiff_lzw"),
    "16 bit tiff": lambda d: sixteen_bits(d / "a.tiff"),
    "cmyk tiff": lambda d: save(scene().convert("CMYK"), d / "a.tif"),
    "heic": lambda d: save(scene(), d / "a.heic"),
    "avif": lambda d: save(scene(), d / "a.avif", quality=90),
    "bmp": lambda d: save(scene(), d / "a.bmp"),
    "wrong extension": lambda d: save(scene(), d / "a.jpg", format="PNG"),
    "brackets in the name": lambda d: gif(d / "a[page=1].gif"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_both_renditions(name: str, tmp_path: Path) -> None:
    path = FORMATS[name](tmp_path)

    made = images.render(path)

    thumbnail, preview = opened(made.thumbnail), opened(made.preview)
    assert (made.width, made.height) == (300, 200)
    assert (thumbnail.format, thumbnail.size) == ("WEBP", (300, 200))
    assert (preview.format, preview.size, preview.mode) == ("JPEG", (300, 200), "RGB")
    # Pillow's inks are ideal, those of the fallback profile are not; a negative would be at 100.
    limit = 30 if "cmyk" in name else 8 if path.suffix == ".gif" else ALIKE
    assert distance(thumbnail, scene()) < limit
    assert distance(preview, scene()) < limit
    assert 15 < len(made.thumbhash) < 30


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    stored = pictures.turned(scene(), orientation)
    save(stored, path, exif=pictures.exif(orientation).tobytes(), quality=90)

    made = images.render(path)

    assert (made.width, made.height) == (300, 200)
    for data in (made.thumbnail, made.preview):
        assert opened(data).size == (300, 200)
        assert distance(opened(data), scene()) < ALIKE


@pytest.mark.parametrize("suffix", ["heic", "avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_turns_of_the_container_are_applied_once(
    orientation: int, suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"a.{suffix}"
    stored = pictures.turned(scene(), orientation)
    tags = pictures.exif(orientation).tobytes()
    save(stored, path, exif=tags)  # Both writers move the orientation into the container.

    made = images.render(path)

    assert (made.width, made.height) == (300, 200)
    assert distance(opened(made.preview), scene()) < ALIKE


@pytest.mark.parametrize(
    ("size", "thumbnail", "preview"),
    [
        ((100, 60), (100, 60), (100, 60)),
        ((250, 250), (250, 250), (250, 250)),
        ((600, 300), (500, 250), (600, 300)),
        ((300, 600), (250, 500), (300, 600)),
        ((3000, 2000), (375, 250), (2160, 1440)),
        ((2881, 2161), (333, 250), (1920, 1440)),
        ((20000, 300), (16383, 246), (16383, 246)),
        ((1, 500), (1, 500), (1, 500)),
    ],
)
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_the_short_side_is_fitted_and_never_enlarged(
    size: tuple[int, int],
    thumbnail: tuple[int, int],
    preview: tuple[int, int],
    suffix: str,
    tmp_path: Path,
) -> None:
    path = save(scene(*size), tmp_path / f"a.{suffix}", quality=99)

    made = images.render(path)

    assert (made.width, made.height) == size
    assert opened(made.thumbnail).size == thumbnail
    # A lean JPEG is its own preview as far as browsers go.
    assert opened(made.preview).size == (size if size[0] > 16383 and suffix == "jpg" else preview)


@pytest.mark.parametrize("suffix", ["png", "webp", "heic", "avif", "tif"])
def test_transparency_stays_in_the_thumbnail_and_is_white_in_the_preview(
    suffix: str, tmp_path: Path
) -> None:
    clear = scene(alpha=True)
    made = images.render(save(clear, tmp_path / f"a.{suffix}"))

    white = Image.new("RGBA", clear.size, "white")
    white.alpha_composite(clear)
    assert distance(opened(made.preview), white.convert("RGB")) < ALIKE
    shown = opened(made.thumbnail)
    assert shown.mode == "RGBA"
    fade = np.asarray(shown.getchannel("A"), float) - np.asarray(clear.getchannel("A"), float)
    assert np.abs(fade).mean() < ALIKE
    assert made.thumbhash[2] & 128


@pytest.mark.parametrize("mode", ["L", "1", "I;16"])
def test_grey_pictures_stay_grey(mode: str, tmp_path: Path) -> None:
    grey = scene().convert("L")
    if mode == "I;16":
        stored = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    else:
        stored = grey.convert(mode)
    made = images.render(save(stored, tmp_path / "a.png"))

    assert distance(opened(made.preview), stored.convert("L") if mode == "1" else grey) < 12
    assert distance(opened(made.thumbnail), grey) < 12


def test_grey_jpeg(tmp_path: Path) -> None:
    made = images.render(save(scene().convert("L"), tmp_path / "a.jpg", quality=90))

    assert distance(opened(made.preview), scene().convert("L")) < ALIKE
    assert distance(opened(made.thumbnail), scene().convert("L")) < ALIKE


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "heic"])
def test_wide_colours_are_converted_to_srgb(suffix: str, tmp_path: Path) -> None:
    source = pyvips.Image.new_from_array(np.asarray(scene())).copy(interpretation="srgb")
    wide = source.icc_transform("p3", input_profile="srgb")
    profile = wide.get("icc-profile-data")
    path = save(Image.fromarray(wide.numpy()), tmp_path / f"a.{suffix}", icc_profile=profile)

    made = images.render(path)

    unconverted = distance(Image.fromarray(wide.numpy()), scene())
    assert distance(opened(made.preview), scene()) < unconverted / 2
    assert distance(opened(made.thumbnail), scene()) < unconverted / 2


def test_a_broken_profile_is_ignored(tmp_path: Path) -> None:
    path = save(scene(), tmp_path / "a.jpg", icc_profile=b"nonsense" * 40, quality=90)

    assert distance(opened(images.render(path).preview), scene()) < ALIKE


def test_a_profile_for_other_channels_is_ignored(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile.replace(b"sRGB", b"mRGB")
    path = save(scene().convert("L"), tmp_path / "a.jpg", icc_profile=profile, quality=90)

    assert distance(opened(images.render(path).preview), scene().convert("L")) < ALIKE


@pytest.mark.parametrize("quality", [60, 99])
def test_previews_tell_nothing_about_the_place(quality: int, tmp_path: Path) -> None:
    tags = pictures.exif(1)
    tags.get_ifd(0x8825)[1] = "N-secret"
    path = save(
        Image.fromarray(pictures.noise(200, 200)) if quality == 99 else scene(),
        tmp_path / "a.jpg",
        exif=tags.tobytes(),
        comment=b"secret too",
        quality=quality,
    )
    with path.open("ab") as file:
        file.write(b"secret film")

    made = images.render(path)

    assert b"secret" in path.read_bytes()
    assert b"secret" not in made.preview + made.thumbnail
    assert not opened(made.preview).getexif()
    assert distance(opened(made.preview), opened(path.read_bytes())) < ALIKE


# Damage.


def test_each_refusal_has_a_reason(tmp_path: Path) -> None:
    def reason(name: str, data: bytes | None) -> str:
        path = tmp_path / name
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(UnreadableImage) as refusal:
            images.render(path)
        return str(refusal.value)

    whole = save(scene(), tmp_path / "whole.jpg").read_bytes()
    heic = save(scene(), tmp_path / "whole.heic").read_bytes()
    assert reason("gone.jpg", None) == "The file cannot be opened: No such file or directory"
    assert reason("empty.jpg", b"") == "The file is empty"
    assert "cannot be rendered" in reason("text.jpg", b"not a picture")
    assert "The JPEG file is damaged or incomplete" in reason("cut.jpg", whole[: len(whole) // 2])
    assert "The HEIC file is damaged or incomplete" in reason("cut.heic", heic[: len(heic) // 2])
    assert "The BMP file is damaged or incomplete" in reason("cut.bmp", b"BM" + bytes(40))
    assert "RAW" in reason("photo.dng", b"II*\0" + bytes(60))


@pytest.mark.parametrize("suffix", ["png", "bmp"])
def test_a_decompression_bomb_is_refused(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"bomb.{suffix}"
    if suffix == "png":
        path.write_bytes(huge_png(20_000, 20_000))
    else:
        head = b"BM" + struct.pack("<IHHI", 54, 0, 0, 54)
        head += struct.pack("<IiiHHIIiiII", 40, 20_000, 20_000, 1, 24, 0, 0, 0, 0, 0, 0)
        path.write_bytes(head)

    with pytest.raises(UnreadableImage, match="20000 x 20000 pixels; more than 200 megapixels"):
        images.render(path)


def huge_png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(10)))


MAGIC = [
    b"\xff\xd8\xff\xe0",
    b"\x89PNG\r\n\x1a\n",
    b"RIFF\x40\0\0\0WEBPVP8 ",
    b"GIF89a",
    b"II*\0\x08\0\0\0",
    b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    b"\0\0\0\x18ftypavif\0\0\0\0mif1avif",
    b"BM",
]


@settings(deadline=None)
@given(magic=st.sampled_from(MAGIC), rest=st.binary(max_size=400))
def test_rubbish_raises_nothing_else(
    magic: bytes, rest: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("rubbish") / "a.jpg"
    path.write_bytes(magic + rest)
    try:
        images.render(path)
    except UnreadableImage as refusal:
        assert str(refusal)


# Real pictures.


@needs_photos
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6, 8])
def test_landscapes_of_all_orientations_look_the_same(number: int) -> None:
    made = images.render(PHOTOS / f"cameras/landscape_{number}.jpg")

    first = images.render(PHOTOS / "cameras/landscape_1.jpg")
    assert (made.width, made.height) == (600, 450)
    assert distance(opened(made.thumbnail), opened(first.thumbnail)) < 8


@needs_photos
@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("formats/heic/IMG_2682.heic", (4032, 3024)),
        ("formats/heic/live_photo_still.heic", (3024, 4032)),
        ("formats/motionphoto/samsung-one-ui-6.heic", (3000, 4000)),
        ("formats/avif/8bit-sRGB.avif", (1617, 1080)),
        ("formats/webp/denali.webp", (600, 315)),
        ("metadata/faces/portrait-orientation-6.jpg", (840, 700)),
    ],
)
def test_real_pictures_have_their_upright_size(name: str, size: tuple[int, int]) -> None:
    made = images.render(PHOTOS / name)

    assert (made.width, made.height) == size
    short = min(size)
    assert min(opened(made.thumbnail).size) == 250
    assert min(opened(made.preview).size) == min(short, 1440)
