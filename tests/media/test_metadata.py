"""Metadata: tables of what is written into a file and what is read back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import exiv2
import msgspec
import pytest
from PIL import Image, ImageCms

from media import metadata
from media.errors import UnreadableImage
from sync.operations.renditions import Metadata
from tests.media import pictures
from tests.media.pictures import scene

PHOTOS = Path("../shared/photos")
needs_photos = pytest.mark.skipif(not PHOTOS.exists(), reason="the folder of real photos is absent")

CREATED = datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone(timedelta(hours=2)))
MODIFIED = datetime(2024, 5, 7, tzinfo=UTC)

TAKEN = "Exif.Photo.DateTimeOriginal"
NOON = "2020:06:01 12:00:00"


def read(path: Path, sidecar: Path | None = None) -> Metadata:
    return metadata.read(path, file_created_at=CREATED, file_modified_at=MODIFIED, sidecar=sidecar)


def tag(path: Path, tags: dict[str, str]) -> Path:
    image = exiv2.ImageFactory.open(str(path))
    image.readMetadata()
    stores = {"Exif": image.exifData(), "Xmp": image.xmpData(), "Iptc": image.iptcData()}
    for name, value in tags.items():
        stores[name.split(".")[0]][name] = value
    image.writeMetadata()
    return path


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


# When.

DATES: list[tuple[str, dict[str, str], datetime, datetime, str | None]] = [
    ("no zone", {TAKEN: NOON}, utc(2020, 6, 1, 12), utc(2020, 6, 1, 12), None),
    (
        "own offset",
        {TAKEN: NOON, "Exif.Photo.OffsetTimeOriginal": "+02:00"},
        utc(2020, 6, 1, 10),
        utc(2020, 6, 1, 12),
        "UTC+2",
    ),
    (
        "broken hours",
        {TAKEN: NOON, "Exif.Photo.OffsetTimeOriginal": "-03:30"},
        utc(2020, 6, 1, 15, 30),
        utc(2020, 6, 1, 12),
        "UTC-3:30",
    ),
    (
        "explicit zero",
        {TAKEN: NOON, "Exif.Photo.OffsetTimeOriginal": "+00:00"},
        utc(2020, 6, 1, 12),
        utc(2020, 6, 1, 12),
        "UTC+0",
    ),
    (
        "blank offset",
        {TAKEN: NOON, "Exif.Photo.OffsetTimeOriginal": "   :  "},
        utc(2020, 6, 1, 12),
        utc(2020, 6, 1, 12),
        None,
    ),
    (
        "subseconds",
        {TAKEN: NOON, "Exif.Photo.SubSecTimeOriginal": "348"},
        utc(2020, 6, 1, 12, 0, 0, 348000),
        utc(2020, 6, 1, 12, 0, 0, 348000),
        None,
    ),
    (
        "the offset of an edit is not that of the picture",
        {
            TAKEN: NOON,
            "Exif.Image.DateTime": "2021:01:01 10:00:00",
            "Exif.Photo.OffsetTime": "+01:00",
        },
        utc(2020, 6, 1, 12),
        utc(2020, 6, 1, 12),
        None,
    ),
    (
        "the offset of an unedited file is",
        {TAKEN: NOON, "Exif.Image.DateTime": NOON, "Exif.Photo.OffsetTime": "+01:00"},
        utc(2020, 6, 1, 11),
        utc(2020, 6, 1, 12),
        "UTC+1",
    ),
    (
        "the zone from XMP that shows the same time",
        {TAKEN: NOON, "Xmp.exif.DateTimeOriginal": "2020-06-01T12:00:00-04:00"},
        utc(2020, 6, 1, 16),
        utc(2020, 6, 1, 12),
        "UTC-4",
    ),
    (
        "not the zone from XMP of another time",
        {TAKEN: NOON, "Xmp.exif.DateTimeOriginal": "2020-06-01T13:00:00-04:00"},
        utc(2020, 6, 1, 12),
        utc(2020, 6, 1, 12),
        None,
    ),
    (
        "the zone from satellites",
        {
            TAKEN: NOON,
            "Exif.GPSInfo.GPSDateStamp": "2020:06:01",
            "Exif.GPSInfo.GPSTimeStamp": "6/1 14/1 5512/100",
        },
        utc(2020, 6, 1, 6, 15),
        utc(2020, 6, 1, 12),
        "UTC+5:45",
    ),
    (
        "satellites that disagree",
        {
            TAKEN: NOON,
            "Exif.GPSInfo.GPSDateStamp": "2020:06:01",
            "Exif.GPSInfo.GPSTimeStamp": "9/1 43/1 0/1",
        },
        utc(2020, 6, 1, 12),
        utc(2020, 6, 1, 12),
        None,
    ),
    (
        "original before digitized",
        {TAKEN: NOON, "Exif.Photo.DateTimeDigitized": "2022:01:01 00:00:00"},
        utc(2020, 6, 1, 12),
        utc(2020, 6, 1, 12),
        None,
    ),
    (
        "digitized when the original is blank",
        {TAKEN: "    :  :     :  :  ", "Exif.Photo.DateTimeDigitized": "2022:01:01 00:00:00"},
        utc(2022, 1, 1),
        utc(2022, 1, 1),
        None,
    ),
    (
        "a date of zeros is none",
        {TAKEN: "0000:00:00 00:00:00", "Xmp.xmp.CreateDate": "2021-02-03T04:05:06Z"},
        utc(2021, 2, 3, 4, 5, 6),
        utc(2021, 2, 3, 4, 5, 6),
        "UTC+0",
    ),
    (
        "satellites alone",
        {
            "Exif.GPSInfo.GPSDateStamp": "2020:06:01",
            "Exif.GPSInfo.GPSTimeStamp": "9/1 43/1 5/1",
        },
        utc(2020, 6, 1, 9, 43, 5),
        utc(2020, 6, 1, 9, 43, 5),
        "UTC+0",
    ),
    (
        "IPTC",
        {"Iptc.Application2.DateCreated": "2019-12-31"},
        utc(2019, 12, 31),
        utc(2019, 12, 31),
        None,
    ),
    (
        "a day in XMP",
        {"Xmp.photoshop.DateCreated": "1985-07-01"},
        utc(1985, 7, 1),
        utc(1985, 7, 1),
        None,
    ),
    ("an impossible day", {TAKEN: "2020:02:31 12:00:00"}, CREATED, CREATED, None),
    ("nothing", {}, CREATED, CREATED, None),
]


@pytest.mark.parametrize(
    ("tags", "instant", "local", "zone"),
    [row[1:] for row in DATES],
    ids=[row[0] for row in DATES],
)
def test_dates(
    tags: dict[str, str], instant: datetime, local: datetime, zone: str | None, jpeg: Path
) -> None:
    found = read(tag(jpeg, tags))

    assert (found.file_created_at, found.date_time_original) == (instant, instant)
    assert found.file_created_at.utcoffset() == timedelta()
    assert found.local_date_time == local.astimezone(UTC).replace(tzinfo=None)
    assert found.time_zone == zone
    assert found.modify_date == MODIFIED


def test_the_earlier_of_the_client_s_dates_stands_in(jpeg: Path) -> None:
    found = metadata.read(jpeg, file_created_at=MODIFIED, file_modified_at=CREATED)

    assert found.date_time_original == CREATED


# Where.

NORTH_EAST = {
    "Exif.GPSInfo.GPSLatitudeRef": "N",
    "Exif.GPSInfo.GPSLatitude": "48/1 12/1 3000/100",
    "Exif.GPSInfo.GPSLongitudeRef": "E",
    "Exif.GPSInfo.GPSLongitude": "16/1 22/1 0/1",
}
PLACES: list[tuple[str, dict[str, str], tuple[float | None, float | None]]] = [
    ("north east", {}, (48.208333333, 16.366666667)),
    (
        "south west",
        {"Exif.GPSInfo.GPSLatitudeRef": "S", "Exif.GPSInfo.GPSLongitudeRef": "W"},
        (-48.208333333, -16.366666667),
    ),
    ("decimal minutes", {"Exif.GPSInfo.GPSLatitude": "0/1 22278/1000 0/0"}, (0.3713, 16.366666667)),
    ("void latitude", {"Exif.GPSInfo.GPSLatitude": "0/0 0/0 0/0"}, (None, None)),
    ("no hemisphere", {"Exif.GPSInfo.GPSLatitudeRef": " "}, (None, None)),
    ("off the globe", {"Exif.GPSInfo.GPSLatitude": "91/1 0/1 0/1"}, (None, None)),
    (
        "zero zero",
        {"Exif.GPSInfo.GPSLatitude": "0/1 0/1 0/1", "Exif.GPSInfo.GPSLongitude": "0/1 0/1 0/1"},
        (None, None),
    ),
    (
        "on the equator",
        {"Exif.GPSInfo.GPSLatitude": "0/1 0/1 0/1"},
        (0.0, 16.366666667),
    ),
]


@pytest.mark.parametrize(
    ("tags", "place"), [row[1:] for row in PLACES], ids=[row[0] for row in PLACES]
)
def test_places(tags: dict[str, str], place: tuple[float | None, float | None], jpeg: Path) -> None:
    found = read(tag(jpeg, NORTH_EAST | tags))

    assert (found.latitude, found.longitude) == place


# With what, and what it shows.

FIELDS: list[tuple[dict[str, str], str, Any]] = [
    ({"Exif.Image.Make": "PENTAX Corporation "}, "make", "PENTAX Corporation"),
    ({"Exif.Image.Model": "  "}, "model", None),
    ({"Xmp.tiff.Model": "Scanner"}, "model", "Scanner"),
    ({"Exif.Photo.LensModel": "EF50mm f/1.8"}, "lens_model", "EF50mm f/1.8"),
    ({"Xmp.aux.Lens": "50mm"}, "lens_model", "50mm"),
    ({"Exif.Photo.FNumber": "18/10"}, "f_number", 1.8),
    ({"Exif.Photo.FNumber": "0/0"}, "f_number", None),
    ({"Exif.Photo.FNumber": "0/1"}, "f_number", None),
    ({"Exif.Photo.FocalLength": "399/100"}, "focal_length", 3.99),
    ({"Exif.Photo.ISOSpeedRatings": "20"}, "iso", 20),
    (
        {
            "Exif.Photo.ISOSpeedRatings": "65535",
            "Exif.Photo.RecommendedExposureIndex": "102400",
        },
        "iso",
        102400,
    ),
    ({"Exif.Photo.ExposureTime": "1/887"}, "exposure_time", "1/887"),
    ({"Exif.Photo.ExposureTime": "10/300"}, "exposure_time", "1/30"),
    ({"Exif.Photo.ExposureTime": "1/2"}, "exposure_time", "0.5"),
    ({"Exif.Photo.ExposureTime": "30/1"}, "exposure_time", "30"),
    ({"Exif.Photo.ExposureTime": "0/0"}, "exposure_time", None),
    ({"Exif.Image.Orientation": "6"}, "orientation", "6"),
    ({"Exif.Image.Orientation": "9"}, "orientation", None),
    ({}, "orientation", None),
    ({"Exif.Image.ImageDescription": " A day "}, "description", "A day"),
    ({"Xmp.dc.description": "Größe 日本"}, "description", "Größe 日本"),
    ({"Iptc.Application2.Caption": "Caption"}, "description", "Caption"),
    ({}, "description", ""),
    ({"Xmp.xmp.Rating": "5"}, "rating", 5),
    ({"Xmp.xmp.Rating": "0"}, "rating", None),
    ({"Xmp.xmp.Rating": "-1"}, "rating", None),
    ({"Exif.Image.Rating": "3"}, "rating", 3),
    ({"Xmp.GPano.ProjectionType": "equirectangular"}, "projection_type", "EQUIRECTANGULAR"),
]


@pytest.mark.parametrize(
    ("tags", "zone", "hours"),
    [
        ({"Exif.Photo.DateTimeOriginal": "2020:06:01 12:00:00"}, "Europe/Vienna", 2),
        ({"Exif.Photo.DateTimeOriginal": "2020:01:01 12:00:00"}, "Europe/Vienna", 1),
        (
            {
                "Exif.Photo.DateTimeOriginal": "2020:06:01 12:00:00",
                "Exif.Photo.OffsetTimeOriginal": "-05:00",
            },
            "UTC-5",
            -5,
        ),
    ],
)
def test_the_place_tells_the_zone_if_no_tag_does(
    tags: dict[str, str], zone: str, hours: int, jpeg: Path
) -> None:
    found = read(tag(jpeg, NORTH_EAST | tags))

    assert found.time_zone == zone
    assert found.local_date_time.hour == 12
    assert found.file_created_at.hour == 12 - hours


@pytest.mark.parametrize(("tags", "field", "value"), FIELDS)
def test_fields(tags: dict[str, str], field: str, value: Any, jpeg: Path) -> None:
    assert getattr(read(tag(jpeg, tags)), field) == value


def test_the_size_is_upright_and_the_exif_size_as_stored(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    scene(60, 40).save(path, exif=pictures.exif(6).tobytes())

    found = read(path)

    assert (found.exif_image_width, found.exif_image_height) == (60, 40)
    assert (found.width, found.height) == (40, 60)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["heic", "avif"])
def test_the_turn_of_a_container_counts(orientation: int, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    tags = pictures.exif(orientation).tobytes()
    if suffix == "heic":
        pictures.save_heic(scene(64, 48), path, exif=tags)
    else:
        scene(64, 48).save(path, exif=tags)

    found = read(path)

    assert (found.orientation or "1") == str(orientation)
    assert (found.exif_image_width, found.exif_image_height) == (64, 48)
    assert (found.width, found.height) == ((48, 64) if orientation > 4 else (64, 48))


@pytest.mark.parametrize("suffix", ["png", "webp", "gif", "tif", "bmp", "avif"])
def test_every_format_has_a_size(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    scene(64, 48).save(path)

    assert (read(path).width, read(path).height) == (64, 48)


def test_the_profile_has_a_name(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    scene().save(path, icc_profile=profile)

    assert read(path).profile_description == "sRGB built-in"


# Sidecars and damage.

SIDECAR = """<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmp:CreateDate="2010-09-27T14:35:33+02:00" xmp:Rating="4"
 exif:GPSLatitude="41,13.218N" exif:GPSLongitude="96,4,17.85W">
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">Straße</rdf:li></rdf:Alt></dc:description>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_the_sidecar_wins(encoding: str, jpeg: Path, tmp_path: Path) -> None:
    tag(jpeg, NORTH_EAST | {TAKEN: NOON, "Exif.Image.Make": "Canon", "Xmp.xmp.Rating": "1"})
    sidecar = tmp_path / "a.jpg.xmp"
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    sidecar.write_bytes(mark + SIDECAR.encode(encoding))

    found = read(jpeg, sidecar)

    assert found.date_time_original == utc(2010, 9, 27, 12, 35, 33)
    assert found.local_date_time == datetime(2010, 9, 27, 14, 35, 33)
    assert found.time_zone == "UTC+2"
    assert (found.latitude, found.longitude) == (41.2203, -96.071625)
    assert (found.rating, found.description, found.make) == (4, "Straße", "Canon")


def test_a_broken_sidecar_is_as_good_as_none(jpeg: Path, tmp_path: Path) -> None:
    sidecar = tmp_path / "a.xmp"
    sidecar.write_bytes(b"<x:xmpmeta <<<")

    assert read(tag(jpeg, {TAKEN: NOON}), sidecar).date_time_original == utc(2020, 6, 1, 12)


@pytest.mark.parametrize("length", [0, 1, 20, 200, 500, 900])
def test_a_cut_file_gives_what_is_left(length: int, jpeg: Path) -> None:
    tag(jpeg, {TAKEN: NOON, "Exif.Image.Make": "Canon"})
    jpeg.write_bytes(jpeg.read_bytes()[:length])

    found = read(jpeg)

    assert found.make in ("Canon", None)
    assert found.date_time_original in (utc(2020, 6, 1, 12), CREATED)


def test_text_in_no_known_encoding_becomes_valid_text(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    tags = Image.Exif()
    tags[0x010F] = b"Caf\xe9\0hidden"
    scene().save(path, exif=tags.tobytes())

    make = read(path).make

    assert make is not None and make.startswith("Caf") and "\0" not in make
    make.encode()


def test_a_missing_file_has_a_reason(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="cannot be opened: No such file"):
        read(tmp_path / "gone.jpg")


def test_a_missing_sidecar_has_one_too(jpeg: Path, tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="The sidecar cannot be opened: No such file"):
        read(jpeg, tmp_path / "gone.xmp")


# Real pictures.


@needs_photos
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "formats/heic/IMG_2682.heic",
            {
                "exif_image_width": 4032,
                "date_time_original": utc(2019, 3, 21, 16, 4, 22, 348000),
                "local_date_time": datetime(2019, 3, 21, 11, 4, 22, 348000),
                "latitude": 41.2203,
                "longitude": -96.071625,
                "lens_model": "iPhone 7 back camera 3.99mm f/1.8",
                "profile_description": "Display P3",
            },
        ),
        ("metadata/dates/date-priority-test.jpg", {"date_time_original": utc(2023, 2, 2, 2)}),
        ("metadata/dates/gps-datetime.jpg", {"date_time_original": utc(2023, 11, 15, 12, 30)}),
        ("metadata/dates/time-created.jpg", {"date_time_original": CREATED, "time_zone": None}),
        ("metadata/gps-position/empty_gps.jpg", {"latitude": None, "longitude": None}),
        ("metadata/gps-position/thompson-springs.jpg", {"latitude": 39.115}),
        ("metadata/rating/mongolels.jpg", {"rating": 3, "description": "Mongol Els"}),
        ("cameras/Canon_PowerShot_S40.jpg", {"iso": 100}),
    ],
)
def test_real_pictures(name: str, expected: dict[str, Any]) -> None:
    found = msgspec.structs.asdict(read(PHOTOS / name))

    assert {field: found[field] for field in expected} == expected
