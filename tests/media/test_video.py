"""Films: what they say of themselves, and the frame they are shown by."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from av.video.frame import VideoFrame
from PIL import Image

from media import metadata, video
from media.errors import UnreadableImage
from sync.operations.renditions import Metadata
from tests.media.films import film, silence
from tests.media.pictures import distance, opened, scene, turned

CREATED = datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone(timedelta(hours=2)))
MODIFIED = datetime(2024, 5, 7, tzinfo=UTC)
ONE, LAST = 1 << 16, 1 << 30
BLACK = Image.new("RGB", (320, 180))
# The matrix of a track → how its stored picture has to be turned to be seen upright.
MATRICES = {
    1: (ONE, 0, 0, 0, ONE, 0, 0, 0, LAST),
    2: (-ONE, 0, 0, 0, ONE, 0, 320 * ONE, 0, LAST),
    3: (-ONE, 0, 0, 0, -ONE, 0, 320 * ONE, 180 * ONE, LAST),
    4: (ONE, 0, 0, 0, -ONE, 0, 0, 180 * ONE, LAST),
    5: (0, ONE, 0, ONE, 0, 0, 0, 0, LAST),
    6: (0, ONE, 0, -ONE, 0, 0, 180 * ONE, 0, LAST),  # as phones held upright write it
    7: (0, -ONE, 0, -ONE, 0, 0, 180 * ONE, 320 * ONE, LAST),
    8: (0, -ONE, 0, ONE, 0, 0, 0, 320 * ONE, LAST),
}


def read(path: Path, sidecar: Path | None = None) -> Metadata:
    return metadata.read_film(
        path, file_created_at=CREATED, file_modified_at=MODIFIED, sidecar=sidecar
    )


def tagged(path: Path, **tags: str) -> Path:
    names = {name.replace("__", "."): value for name, value in tags.items()}
    options = {"movflags": "use_metadata_tags"}
    return film(path, [scene(64, 36)] * 3, tags=names, options=options)


def poster(path: Path) -> Image.Image:
    return opened(video.render(path).preview)


# What it says.


def test_a_film_of_a_phone_tells_everything(tmp_path: Path) -> None:
    path = film(
        tmp_path / "a.mov",
        [scene(320, 180)] * 25,
        matrix=MATRICES[6],
        tags={
            "com.apple.quicktime.creationdate": "2020-06-01T12:00:00+0200",
            "creation_time": "2020-06-01T10:00:07Z",
            "com.apple.quicktime.location.ISO6709": "+59.9127+010.7461+003.000/",
            "com.apple.quicktime.make": "Apple",
            "com.apple.quicktime.model": "iPhone 12",
            "com.apple.quicktime.description": "The first steps",
        },
        options={"movflags": "use_metadata_tags"},
    )

    found = read(path)

    assert (found.width, found.height, found.orientation) == (180, 320, "6")
    assert (found.exif_image_width, found.exif_image_height) == (320, 180)
    assert (found.duration_ms, found.fps) == (2500, 10.0)
    assert found.file_created_at == datetime(2020, 6, 1, 10, tzinfo=UTC)
    assert found.date_time_original == datetime(2020, 6, 1, 10, tzinfo=UTC)
    assert found.local_date_time == datetime(2020, 6, 1, 12)
    assert found.time_zone == "UTC+2"
    assert (found.latitude, found.longitude) == (59.9127, 10.7461)
    assert (found.make, found.model) == ("Apple", "iPhone 12")
    assert found.description == "The first steps"
    assert found.modify_date == MODIFIED


def test_the_utc_of_a_film_is_seen_from_its_place(tmp_path: Path) -> None:
    path = tagged(
        tmp_path / "a.mp4", creation_time="2020-06-01T22:30:00Z", location="+59.9127+010.7461/"
    )

    found = read(path)

    assert found.file_created_at == datetime(2020, 6, 1, 22, 30, tzinfo=UTC)
    assert found.local_date_time == datetime(2020, 6, 2, 0, 30)
    assert found.time_zone == "Europe/Oslo"


def test_the_utc_of_a_film_without_a_place_stays_utc(tmp_path: Path) -> None:
    found = read(tagged(tmp_path / "a.mp4", creation_time="2020-06-01T22:30:00Z"))

    assert found.local_date_time == datetime(2020, 6, 1, 22, 30)
    assert found.time_zone == "UTC+0"


@pytest.mark.parametrize("unset", [None, "1970-01-01T00:00:00Z"])
def test_without_a_date_the_sender_tells(tmp_path: Path, unset: str | None) -> None:
    path = tmp_path / "a.mp4"
    tagged(path, **({"creation_time": unset} if unset else {}))

    assert read(path).file_created_at == CREATED.astimezone(UTC)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("+27.5916+086.5640+8850/", (27.5916, 86.564)),
        ("-4851.5-07730/", (-48.858333333, -77.5)),
        ("+402646.5-0795856.2/", (40.44625, -79.98227777800001)),
        ("+00.0000+000.0000/", None),
        ("+95.0+010.0/", None),
        ("somewhere", None),
    ],
)
def test_positions(tmp_path: Path, text: str, position: tuple[float, float] | None) -> None:
    path = tagged(tmp_path / "a.mov", com__apple__quicktime__location__ISO6709=text)

    found = read(path)

    if position is None:
        assert (found.latitude, found.longitude) == (None, None)
    else:
        assert (found.latitude, found.longitude) == pytest.approx(position, abs=1e-8)


def test_android_names_its_maker(tmp_path: Path) -> None:
    path = tagged(
        tmp_path / "a.mp4", com__android__manufacturer="Google", com__android__model="Pixel 8"
    )

    assert (read(path).make, read(path).model) == ("Google", "Pixel 8")


def test_a_sidecar_wins(tmp_path: Path) -> None:
    sidecar = tmp_path / "a.xmp"
    sidecar.write_text("""<x:xmpmeta xmlns:x="adobe:ns:meta/">
        <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
        <rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"
          xmlns:exif="http://ns.adobe.com/exif/1.0/"
          exif:DateTimeOriginal="2019-01-01T08:00:00+01:00"/></rdf:RDF></x:xmpmeta>""")

    found = read(tagged(tmp_path / "a.mp4", creation_time="2020-06-01T22:30:00Z"), sidecar)

    assert (found.rating, found.time_zone) == (4, "UTC+1")
    assert found.file_created_at == datetime(2019, 1, 1, 7, tzinfo=UTC)


@pytest.mark.parametrize("turn", MATRICES)
def test_the_picture_is_upright_whatever_the_matrix(tmp_path: Path, turn: int) -> None:
    size = (180, 320) if turn >= 5 else (320, 180)
    stored = turned(scene(*size), turn)
    path = film(tmp_path / "a.mp4", [stored] * 12, matrix=MATRICES[turn])

    made = video.render(path)

    assert (made.width, made.height) == size
    assert (read(path).width, read(path).height) == size
    assert read(path).orientation == str(turn)
    for data, kind in ((made.preview, "JPEG"), (made.thumbnail, "WEBP")):
        picture = opened(data)
        assert picture.format == kind
        assert picture.width > picture.height if turn < 5 else picture.width < picture.height
        assert distance(picture, scene(*size)) < 4
    assert len(made.thumbhash) > 15


def test_pixels_that_are_not_square_are_stretched(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", [scene(240, 180)] * 5, aspect=Fraction(4, 3))

    made = video.render(path)

    assert (made.width, made.height) == (320, 180) == opened(made.preview).size
    assert (read(path).width, read(path).exif_image_width) == (320, 240)


# The frame.


@pytest.mark.parametrize("dark", [8, 28, 90])
def test_what_begins_in_the_dark_is_shown_by_what_follows(tmp_path: Path, dark: int) -> None:
    path = film(tmp_path / "a.mp4", [BLACK] * dark + [scene(320, 180)] * 12)

    assert distance(poster(path), scene(320, 180)) < 4


def test_a_film_that_stays_dark_is_shown_all_the_same(tmp_path: Path) -> None:
    picture = poster(film(tmp_path / "a.mp4", [BLACK] * 20))

    assert picture.size == (320, 180)
    assert np.asarray(picture).max() < 8


def test_one_key_frame_is_enough(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", [BLACK] * 4 + [scene(320, 180)] * 40, interval=1000)

    assert distance(poster(path), scene(320, 180)) < 4


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mov", "libx265"),
        ("a.mkv", "libx264"),
        ("a.webm", "libvpx-vp9"),
        ("a.mp4", "libsvtav1"),
        ("a.avi", "mjpeg"),
        ("a.ts", "libx264"),
        ("a.mpg", "mpeg2video"),
        ("a.flv", "flv"),
        ("a.3gp", "mpeg4"),
    ],
)
def test_formats(tmp_path: Path, name: str, codec: str) -> None:
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    full = codec == "mjpeg"
    path = film(
        tmp_path / name, [scene(320, 180)] * 20, codec=codec, pixels=pixels, full_range=full
    )

    assert distance(poster(path), scene(320, 180)) < 8
    assert abs((read(path).duration_ms or 0) - 2000) <= 400


@pytest.mark.parametrize("is_full", [False, True])
def test_range_of_colours(tmp_path: Path, is_full: bool) -> None:
    path = film(tmp_path / "a.mp4", [scene(1280, 720)] * 2, full_range=is_full)

    assert distance(poster(path), scene(1280, 720)) < 3


@pytest.mark.parametrize(("matrix", "primaries", "transfer"), [(14, 9, 16), (3, 0, 18), (10, 3, 1)])
def test_colours_that_nobody_can_convert_are_guessed(
    matrix: int, primaries: int, transfer: int
) -> None:
    frame = VideoFrame(64, 36, "yuv420p10le")
    frame.colorspace, frame.color_primaries, frame.color_trc = matrix, primaries, transfer

    assert video.in_srgb(frame, 32, 18).width == 32


# What cannot be read.


def test_a_truncated_film_is_shown_as_far_as_it_goes(tmp_path: Path) -> None:
    path = film(
        tmp_path / "a.mp4", [scene(320, 180)] * 60, options={"movflags": "faststart"}, interval=10
    )
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    assert distance(poster(path), scene(320, 180)) < 4


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0\0\x10ftypmp42 and so on",
        b"#EXTM3U\n#EXTINF:1,\n/etc/hosts\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile /etc/hosts\n",
    ],
)
def test_what_is_no_film_has_a_reason_and_the_facts_of_its_sender(
    tmp_path: Path, data: bytes
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(data)

    with pytest.raises(UnreadableImage, match="The film is damaged or incomplete"):
        video.render(path)
    assert read(path).file_created_at == CREATED.astimezone(UTC)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="cannot be opened"):
        video.render(tmp_path / "a.mp4")
    with pytest.raises(UnreadableImage, match="cannot be opened"):
        read(tmp_path / "a.mp4")


def test_sound_alone_is_no_film(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="no moving picture"):
        video.render(silence(tmp_path / "a.mp4"))


def test_too_large_a_frame_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = film(tmp_path / "a.mp4", [scene(320, 180)] * 2)
    monkeypatch.setattr(video, "MAX_PIXELS", 50_000)

    with pytest.raises(UnreadableImage, match="320 x 180 pixels"):
        video.render(path)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts"])
def test_no_damage_takes_the_worker_down(tmp_path: Path, name: str) -> None:
    path = film(tmp_path / name, [scene(160, 90)] * 15, sound="aac")
    whole, chance = path.read_bytes(), random.Random(name)
    for _ in range(25):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 8, 60))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(data[: chance.choice((len(data), chance.randrange(len(data))))])

        read(path)
        try:
            assert opened(video.render(path).preview).width > 0
        except UnreadableImage as error:
            assert str(error)
