"""RAW pictures: what the camera left inside, else developed; upright and whole."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from media import apart, formats, images, metadata, raw
from media.errors import UnreadableImage
from storage import media_types
from tests.media import pictures, rare
from tests.media.pictures import distance, opened, scene

# LibRaw makes the brightest hundredth white.
DEVELOPED = 20
ALIKE = 4.0
SENT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


def jpeg(picture: Image.Image, *, orientation: int | None = None) -> bytes:
    target = io.BytesIO()
    tags = {} if orientation is None else {"exif": pictures.exif(orientation).tobytes()}
    picture.save(target, "JPEG", quality=90, **tags)
    return target.getvalue()


def shown(path: Path, short_side: int, *, extract_embedded: bool) -> Image.Image:
    with formats.opened(path, extract_embedded=extract_embedded) as picture:
        pixels = images.fit(picture.load(short_side), short_side, images.form.settings)
        return Image.fromarray(pixels.numpy())


def size(path: Path) -> tuple[int, int]:
    with formats.opened(path) as picture:
        return picture.width, picture.height


def marked(picture: Image.Image) -> Image.Image:
    """The same darker: nobody takes it for the developed one."""
    return picture.point(lambda value: value // 2)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_developed_upright(orientation: int, tmp_path: Path) -> None:
    stored = pictures.turned(scene(), orientation)
    path = rare.dng(stored, tmp_path / "a.dng", orientation=orientation)

    made = images.render(path)

    assert (made.width, made.height) == (300, 200)
    assert distance(opened(made.preview), scene()) < DEVELOPED
    assert distance(opened(made.thumbnail), scene()) < DEVELOPED


@pytest.mark.parametrize("tells_by_itself", [False, True])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_preview_is_upright(orientation: int, tells_by_itself: bool, tmp_path: Path) -> None:
    stored = pictures.turned(scene(), orientation)
    preview = jpeg(marked(stored), orientation=orientation if tells_by_itself else None)
    path = rare.dng(stored, tmp_path / "a.dng", orientation=orientation, preview=preview)

    assert size(path) == (300, 200)
    assert distance(shown(path, 200, extract_embedded=True), marked(scene())) < ALIKE
    assert distance(shown(path, 200, extract_embedded=False), scene()) < DEVELOPED


@pytest.mark.parametrize("orientation", [6, 8])
def test_a_preview_that_was_turned_already_is_left_as_it_is(
    orientation: int, tmp_path: Path
) -> None:
    stored = pictures.turned(scene(), orientation)
    preview = jpeg(marked(scene()), orientation=1)
    path = rare.dng(stored, tmp_path / "a.dng", orientation=orientation, preview=preview)

    assert distance(shown(path, 200, extract_embedded=True), marked(scene())) < ALIKE


def test_a_preview_that_is_too_small_or_shows_less_is_not_used(tmp_path: Path) -> None:
    small = jpeg(marked(scene().resize((150, 100))))
    square = jpeg(marked(scene().crop((0, 0, 200, 200))))

    for preview in (small, square):
        path = rare.dng(scene(), tmp_path / "a.dng", preview=preview)
        assert shown(path, 200, extract_embedded=True).size == (300, 200)
        assert distance(shown(path, 200, extract_embedded=True), scene()) < DEVELOPED
    path = rare.dng(scene(), tmp_path / "a.dng", preview=small)
    assert distance(shown(path, 100, extract_embedded=True), marked(scene())) < ALIKE


def test_a_preview_that_is_damaged_is_not_used(tmp_path: Path) -> None:
    whole = jpeg(marked(scene()))
    for preview in (whole[:20], b"\xff\xd8\xff" + bytes(90)):
        path = tmp_path / "a.dng"
        rare.dng(scene(), path, preview=whole)
        data = path.read_bytes()
        path.write_bytes(data.replace(whole, preview.ljust(len(whole), b"\0")))

        assert distance(shown(path, 200, extract_embedded=True), scene()) < DEVELOPED


def test_half_the_size_is_developed_where_that_is_enough(tmp_path: Path) -> None:
    path = rare.dng(scene(), tmp_path / "a.dng")

    half, whole = (apart.run(raw.develop, path, enough) for enough in (True, False))

    assert (half.width, half.height, whole.width, whole.height) == (150, 100, 300, 200)
    with formats.opened(path) as picture:
        assert picture.load(100).width == 150
        assert picture.load(101).width == 300


def test_without_anything_to_develop_the_preview_is_the_picture(tmp_path: Path) -> None:
    whole = jpeg(scene())
    path = tmp_path / "a.nef"
    rare.dng(scene(), path, preview=whole, orientation=6)
    data = bytearray(path.read_bytes())
    # No decoder knows this compression; and the preview is where it was.
    at = data.index(b"\x03\x01\x03\0\x01\0\0\0\x01\0\0\0")
    data[at + 8] = 99
    path.write_bytes(data)

    for extract_embedded in (True, False):
        seen = shown(path, 300, extract_embedded=extract_embedded)
        assert distance(seen, scene().transpose(Image.Transpose.ROTATE_270)) < ALIKE


RAWS = [name for name in media_types.IMAGE_EXTENSIONS if media_types.kind(f"a{name}") == "raw"]


@pytest.mark.parametrize("extension", sorted(set(RAWS) - {".psd"}))
def test_every_extension_is_looked_into(extension: str, tmp_path: Path) -> None:
    path = rare.dng(scene(), tmp_path / f"a{extension}", preview=jpeg(scene()))

    assert size(path) == (300, 200)


@pytest.mark.parametrize("extension", sorted(set(RAWS) - {".psd"}))
def test_what_cannot_be_decoded_has_a_reason(extension: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{extension}"
    path.write_bytes(b"FOVb" + bytes(range(200)) * 5)

    with pytest.raises(UnreadableImage, match="RAW picture cannot be developed here"):
        images.render(path)


def test_a_raw_file_without_end_is_refused(tmp_path: Path) -> None:
    path = rare.dng(None, tmp_path / "a.dng", size=(20_000, 20_000))

    with pytest.raises(UnreadableImage, match=r"megapixels|cannot be developed"):
        images.render(path)


def test_its_metadata_is_that_of_the_developed_picture(tmp_path: Path) -> None:
    stored = pictures.turned(scene(), 6)
    path = rare.dng(
        stored, tmp_path / "a.dng", orientation=6, preview=jpeg(stored.resize((20, 30)))
    )

    found = metadata.read(path, file_created_at=SENT, file_modified_at=SENT)

    assert (found.width, found.height) == (300, 200)
    assert (found.exif_image_width, found.exif_image_height) == (200, 300)
    assert found.orientation == "6"
    assert (found.make, found.model) == ("Heliograph", "Camera obscura")


def test_its_size_is_that_of_what_sees_light(tmp_path: Path) -> None:
    path = rare.dng(pictures.turned(scene(), 6), tmp_path / "a.dng", orientation=6, border=4)

    found = metadata.read(path, file_created_at=SENT, file_modified_at=SENT)
    made = images.render(path)

    assert (found.width, found.height) == (made.width, made.height) == (292, 192)
    assert opened(made.preview).size == (292, 192)


def test_noise_is_no_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.dng"
    path.write_bytes(np.random.default_rng(1).bytes(3000))

    with pytest.raises(UnreadableImage):
        images.render(path)
