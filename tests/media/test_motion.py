"""Films inside of pictures are found where phones put them, and only whole ones."""

from __future__ import annotations

import hashlib
import logging
import random
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from media import metadata, motion, tags
from media.errors import UnreadableImage
from tests.media import phones
from tests.media.films import film
from tests.media.pictures import scene

PHOTOS = Path("../shared/photos/formats")
needs_photos = pytest.mark.skipif(not PHOTOS.exists(), reason="the folder of real photos is absent")
SENT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
CONTENT_ID = "2D7D57A5-FF57-4CB8-8AEB-D2C243CD8A73"

FORMS: dict[str, Callable[[Path, bytes], bytes]] = {
    "Google's first": lambda _, inside: phones.google_first(inside),
    "Google's second": lambda _, inside: phones.google_second(inside),
    "with a gain map": lambda _, inside: phones.google_with_gain_map(inside),
    "with padding": lambda _, inside: phones.padded(inside),
    "not at the end": lambda _, inside: phones.followed(inside),
    "Samsung's JPEG": lambda _, inside: phones.samsung_jpeg(inside),
    "boxed in HEIC": lambda folder, inside: phones.boxed(phones.heic(folder), inside),
    "boxed in AVIF": lambda _, inside: phones.boxed(phones.avif(), inside),
    "Samsung's HEIC": lambda folder, inside: phones.samsung_heic(phones.heic(folder), inside),
    "pointed to": lambda folder, inside: phones.samsung_pointed(phones.heic(folder), inside),
}


@pytest.fixture
def inside(tmp_path: Path) -> bytes:
    return phones.clip(tmp_path)


@pytest.fixture
def find(tmp_path: Path) -> Callable[[bytes], bytes | None]:
    """The bytes of the film that is found in a picture."""

    def find(data: bytes) -> bytes | None:
        path = tmp_path / "picture"
        path.write_bytes(data)
        span = motion.find(path, tags.read(path))
        if span is None:
            return None
        found = bytearray()
        motion.copy(path, span, found.extend)
        return bytes(found)

    return find


@pytest.mark.parametrize("form", FORMS)
def test_the_film_is_found(form, find, inside, tmp_path, caplog):
    assert find(FORMS[form](tmp_path, inside)) == inside
    assert not caplog.records


@pytest.mark.parametrize("prefix", ["GCamera", "Camera", "x"])
def test_namespaces_may_have_any_name(prefix, find, inside):
    assert find(phones.jpeg(phones.micro_video(len(inside), prefix=prefix)) + inside) == inside
    said = phones.container(("MotionPhoto", len(inside), 0), prefix=prefix)
    assert find(phones.jpeg(said) + inside) == inside


@pytest.mark.parametrize("form", ["boxed in HEIC", "Samsung's JPEG"])
def test_what_holds_the_film_is_believed_before_what_tells_of_it(form, find, inside, tmp_path):
    """Samsung counts its trailer as a part of the film."""
    wrong = phones.container(("Primary", 0, 8), ("MotionPhoto", len(inside) + 100, 30))
    if form == "Samsung's JPEG":
        data = phones.jpeg(wrong) + phones.trailer({"MotionPhoto_Data": inside})
    else:
        data = FORMS[form](tmp_path, inside)
    assert find(data) == inside


def test_most_pictures_have_none(find, tmp_path, caplog):
    plain = [
        phones.jpeg(),
        phones.heic(tmp_path),
        phones.avif(),
        phones.jpeg(phones.micro_video(0, flag="0")),
        phones.jpeg(phones.container(("Primary", 0, 0), flag="1")),
        phones.jpeg(phones.container(("Primary", 0, 0), ("MotionPhoto", 100, 0), flag="0")),
        phones.jpeg() + phones.trailer({"Image_UTC_Data": b"1"}),
        b"",
        b"x",
    ]
    assert [find(data) for data in plain] == [None] * len(plain)
    assert not caplog.records


WRONG: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "more than there is": (
        lambda inside: phones.jpeg(phones.micro_video(10**6)) + inside,
        "not all in the file",
    ),
    "a box of something else": (
        lambda _: phones.boxed(phones.box(b"ftyp", b"heic\0\0\0\0"), b"junk" * 9),
        "no film begins",
    ),
    "nothing": (lambda inside: phones.jpeg(phones.micro_video(0)) + inside, "not all in the file"),
    "less than nothing": (
        lambda inside: phones.jpeg(phones.micro_video(-50)) + inside,
        "not all in the file",
    ),
    "too much for a film": (
        lambda inside: phones.jpeg(phones.container(("MotionPhoto", 10**13, 0))) + inside,
        "too many",
    ),
    "another place": (
        lambda inside: phones.jpeg(phones.micro_video(len(inside) - 9)) + inside,
        "no film begins",
    ),
    "what was cut off": (
        lambda inside: phones.jpeg() + phones.trailer({"MotionPhoto_Data": inside[:-20]}),
        "cut off",
    ),
    "no pictures": (
        lambda inside: phones.jpeg() + phones.trailer({"MotionPhoto_Data": inside[:32]}),
        "has no pictures",
    ),
}


@pytest.mark.parametrize("claim", WRONG)
def test_what_is_damaged_is_left_out_with_a_reason(claim, find, inside, caplog):
    make, reason = WRONG[claim]

    assert find(make(inside)) is None
    assert reason in caplog.text


def test_the_rest_is_read_all_the_same(tmp_path, inside):
    path = tmp_path / "a.jpg"
    path.write_bytes(phones.jpeg(phones.micro_video(10**6)) + inside)

    found = metadata.read(path, file_created_at=SENT, file_modified_at=SENT)

    assert (found.width, found.height, found.film) == (60, 40, None)


@pytest.mark.parametrize("form", FORMS)
def test_no_damage_breaks_the_search(form, tmp_path, inside, caplog):
    """Nor leads out of the file."""
    caplog.set_level(logging.ERROR)
    whole = FORMS[form](tmp_path, inside)
    path = tmp_path / "damaged"
    chance = random.Random(form)
    own = tags.read(_written(path, whole))
    for _ in range(150):
        data = bytearray(whole[: chance.choice([len(whole), chance.randrange(len(whole))])])
        for _ in range(chance.randrange(6)):
            near_end = chance.random() < 0.5
            start = max(0, len(data) - 120) if near_end else 0
            if len(data) > start:
                data[chance.randrange(start, len(data))] = chance.choice([0, 1, 127, 128, 255])
        span = motion.find(_written(path, bytes(data)), own)
        if span:
            assert 0 < span.start < span.start + span.length <= len(data)


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_it_is_copied_in_blocks(tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(5 * motion.BLOCK_BYTES)
    sizes: list[int] = []

    motion.copy(path, motion.Span(7, 3 * motion.BLOCK_BYTES + 5), lambda b: sizes.append(len(b)))

    assert sizes == [motion.BLOCK_BYTES] * 3 + [5]
    with pytest.raises(UnreadableImage, match="shorter"):
        motion.copy(path, motion.Span(4 * motion.BLOCK_BYTES, 2 * motion.BLOCK_BYTES), len)


@needs_photos
def test_a_real_one():
    path = PHOTOS / "motionphoto/samsung-one-ui-6.heic"
    span = motion.find(path, tags.read(path))

    assert span == (452284, 3226469)
    sha1 = hashlib.sha1()
    motion.copy(path, motion.Span(*span), sha1.update)
    # As Immich's own tests have it.
    assert b64encode(sha1.digest()) == b"/ejgzywvgvzvVhUYVfvkLzFBAF0="


# What Apple's phones call a pair.


def read(path: Path, **details: Path) -> str | None:
    read = metadata.read_film if path.suffix in (".mov", ".mp4") else metadata.read
    return read(path, file_created_at=SENT, file_modified_at=SENT, **details).live_photo_cid


def test_both_halves_bear_the_same_identifier(tmp_path):
    still = _written(tmp_path / "a.jpg", phones.apple_jpeg(CONTENT_ID))
    moving = _written(tmp_path / "a.mov", phones.apple_film(tmp_path, CONTENT_ID))

    assert read(still) == read(moving) == CONTENT_ID


def test_most_bear_none(tmp_path):
    assert read(_written(tmp_path / "a.jpg", phones.jpeg())) is None
    assert read(film(tmp_path / "a.mp4", [scene(64, 48)] * 3)) is None


@pytest.mark.parametrize("identifier", ["", "short", "x" * 65, "with a space", "\xff" * 20])
def test_what_cannot_be_one_is_none(tmp_path, identifier):
    assert read(_written(tmp_path / "a.jpg", phones.apple_jpeg(identifier))) is None


def test_a_sidecar_can_tell_it(tmp_path):
    still = _written(tmp_path / "a.jpg", phones.jpeg())
    sidecar = tmp_path / "a.xmp"
    sidecar.write_text(
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        f'xmlns:Apple="http://ns.exiftool.org/MakerNotes/Apple/1.0/" '
        f'Apple:ContentIdentifier="{CONTENT_ID}"/></rdf:RDF></x:xmpmeta>'
    )
    assert read(still, sidecar=sidecar) == CONTENT_ID


def test_a_damaged_maker_note_tells_nothing(tmp_path):
    whole = phones.apple_jpeg(CONTENT_ID)
    start = whole.index(b"Apple iOS")
    for at in range(start, start + 46):
        for value in (0, 255):
            data = bytearray(whole)
            data[at] = value
            assert read(_written(tmp_path / "a.jpg", bytes(data))) in (None, CONTENT_ID)


@needs_photos
def test_a_real_still():
    still = PHOTOS / "heic/live_photo_still.heic"
    assert read(still) == "FCF200B0-D364-4703-B3F3-E88F0C7F6396"
