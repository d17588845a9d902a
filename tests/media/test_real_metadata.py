"""What real pictures say of themselves, as facts: each written down once and looked at."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from media import metadata
from tests.media.test_metadata import CREATED, MODIFIED, PHOTOS, needs_photos

# Times of the camera's clock and in UTC; a picture without one shows when it was sent. `size` as it
# is shown, `stored` where it lies on its side. What is not named is not in the file.
FACTS: dict[str, dict[str, Any]] = {
    "cameras/Canon_40D.jpg": {
        "date_time_original": "2008-05-30T15:56:01",
        "exposure_time": "1/160",
        "f_number": 7.1,
        "focal_length": 135.0,
        "iso": 100,
        "local_date_time": "2008-05-30T15:56:01",
        "make": "Canon",
        "model": "Canon EOS 40D",
        "orientation": "1",
        "profile_description": "sRGB IEC61966-2.1",
        "size": (100, 68),
    },
    "cameras/Canon_DIGITAL_IXUS_400.jpg": {
        "date_time_original": "2004-08-27T11:52:55",
        "exposure_time": "1/200",
        "f_number": 10.0,
        "focal_length": 15.4375,
        "iso": 50,
        "local_date_time": "2004-08-27T13:52:55",
        "make": "Canon",
        "model": "Canon DIGITAL IXUS 400",
        "size": (100, 75),
        "time_zone": "UTC+2",
    },
    "cameras/Canon_PowerShot_S40.jpg": {
        "date_time_original": "2003-12-14T12:01:44",
        "exposure_time": "1/500",
        "f_number": 4.9,
        "focal_length": 21.3125,
        "iso": 100,
        "local_date_time": "2003-12-14T12:01:44",
        "make": "Canon",
        "model": "Canon PowerShot S40",
        "orientation": "1",
        "size": (480, 360),
    },
    "cameras/Fujifilm_FinePix_E500.jpg": {
        "date_time_original": "2006-08-17T09:24:48",
        "exposure_time": "1/80",
        "f_number": 2.9,
        "focal_length": 4.7,
        "iso": 100,
        "local_date_time": "2006-08-17T09:24:48",
        "make": "FUJIFILM",
        "model": "FinePix E500",
        "orientation": "1",
        "size": (59, 100),
    },
    "cameras/Kodak_CX7530.jpg": {
        "date_time_original": "2005-08-13T06:47:23",
        "exposure_time": "1/250",
        "f_number": 4.6,
        "focal_length": 16.8,
        "latitude": -0.3713,
        "local_date_time": "2005-08-13T09:47:23",
        "longitude": 36.056416667,
        "make": "EASTMAN KODAK COMPANY",
        "model": "KODAK CX7530 ZOOM DIGITAL CAMERA",
        "orientation": "1",
        "size": (100, 78),
        "time_zone": "Africa/Nairobi",
    },
    "cameras/Nikon_COOLPIX_P1.jpg": {
        "date_time_original": "2008-03-07T09:55:46",
        "exposure_time": "1/219",
        "f_number": 6.0,
        "focal_length": 7.5,
        "iso": 50,
        "local_date_time": "2008-03-07T09:55:46",
        "make": "NIKON",
        "model": "COOLPIX P1",
        "orientation": "1",
        "size": (100, 75),
    },
    "cameras/Nikon_D70.jpg": {
        "date_time_original": "2008-03-15T13:52:01",
        "exposure_time": "1/200",
        "f_number": 9.0,
        "focal_length": 100.0,
        "iso": 200,
        "lens_model": "100.0 mm f/2.8",
        "local_date_time": "2008-03-15T09:52:01",
        "make": "NIKON CORPORATION",
        "model": "NIKON D70",
        "orientation": "1",
        "profile_description": "sRGB IEC61966-2.1",
        "size": (100, 66),
        "time_zone": "UTC-4",
    },
    "cameras/Panasonic_DMC-FZ30.jpg": {
        "date_time_original": "2008-07-16T11:33:20",
        "exposure_time": "1/30",
        "f_number": 3.2,
        "focal_length": 14.1,
        "iso": 100,
        "local_date_time": "2008-07-16T11:33:20",
        "make": "Panasonic",
        "model": "DMC-FZ30",
        "orientation": "1",
        "size": (100, 75),
    },
    "cameras/Pentax_K10D.jpg": {
        "date_time_original": "2008-05-04T07:47:24",
        "exposure_time": "1/180",
        "f_number": 11.0,
        "focal_length": 90.0,
        "iso": 200,
        "local_date_time": "2008-05-04T16:47:24",
        "make": "PENTAX Corporation",
        "model": "PENTAX K10D",
        "orientation": "1",
        "profile_description": "sRGB IEC61966-2.1",
        "size": (100, 72),
        "time_zone": "UTC+9",
    },
    "cameras/Ricoh_Caplio_RR330.jpg": {
        "date_time_original": "2004-08-31T19:52:58",
        "exposure_time": "1/33",
        "f_number": 2.88,
        "iso": 100,
        "local_date_time": "2004-08-31T19:52:58",
        "make": "Caplio",
        "model": "RR330",
        "size": (100, 75),
    },
    "cameras/landscape_1.jpg": {
        "orientation": "1",
        "size": (600, 450),
    },
    "cameras/landscape_2.jpg": {
        "orientation": "2",
        "profile_description": "Generic RGB Profile",
        "size": (600, 450),
    },
    "cameras/landscape_3.jpg": {
        "orientation": "3",
        "profile_description": "Generic RGB Profile",
        "size": (600, 450),
    },
    "cameras/landscape_4.jpg": {
        "orientation": "4",
        "profile_description": "Generic RGB Profile",
        "size": (600, 450),
    },
    "cameras/landscape_5.jpg": {
        "orientation": "5",
        "profile_description": "Generic RGB Profile",
        "size": (600, 450),
        "stored": (450, 600),
    },
    "cameras/landscape_6.jpg": {
        "orientation": "6",
        "profile_description": "Generic RGB Profile",
        "size": (600, 450),
        "stored": (450, 600),
    },
    "cameras/landscape_8.jpg": {
        "orientation": "8",
        "profile_description": "Generic RGB Profile",
        "size": (600, 450),
        "stored": (450, 600),
    },
    "formats/avif/10bit-HDR-P3-nclx.avif": {
        "size": (3681, 5594),
    },
    "formats/avif/8bit-sRGB.avif": {
        "size": (1617, 1080),
    },
    "formats/heic/IMG_2682.heic": {
        "date_time_original": "2019-03-21T16:04:22.348",
        "exposure_time": "1/887",
        "f_number": 1.8,
        "focal_length": 3.99,
        "iso": 20,
        "latitude": 41.2203,
        "lens_model": "iPhone 7 back camera 3.99mm f/1.8",
        "local_date_time": "2019-03-21T11:04:22.348",
        "longitude": -96.071625,
        "make": "Apple",
        "model": "iPhone 7",
        "orientation": "1",
        "profile_description": "Display P3",
        "size": (4032, 3024),
        "time_zone": "America/Chicago",
    },
    "formats/heic/live_photo_still.heic": {
        "date_time_original": "2023-10-25T11:32:27.935",
        "exposure_time": "1/50",
        "f_number": 1.5,
        "focal_length": 5.7,
        "iso": 100,
        "latitude": 35.689388889,
        "lens_model": "iPhone 13 Pro Max back triple camera 5.7mm f/1.5",
        "live_photo_cid": "FCF200B0-D364-4703-B3F3-E88F0C7F6396",
        "local_date_time": "2023-10-25T20:32:27.935",
        "longitude": 139.698180556,
        "make": "Apple",
        "model": "iPhone 13 Pro Max",
        "orientation": "6",
        "profile_description": "Display P3",
        "size": (3024, 4032),
        "stored": (4032, 3024),
        "time_zone": "UTC+9",
    },
    "formats/jpeg/el_torcal_rocks.jpeg": {
        "date_time_original": "2012-08-05T11:39:59",
        "description": "SONY DSC",
        "exposure_time": "1/160",
        "f_number": 11.0,
        "focal_length": 75.0,
        "iso": 200,
        "lens_model": "18-250mm F3.5-6.3",
        "local_date_time": "2012-08-05T11:39:59",
        "make": "SONY",
        "model": "DSLR-A550",
        "size": (512, 341),
    },
    "formats/jpg/el_torcal_rocks.jpg": {
        "date_time_original": "2012-08-05T11:39:59",
        "description": "SONY DSC",
        "exposure_time": "1/160",
        "f_number": 11.0,
        "focal_length": 75.0,
        "iso": 200,
        "lens_model": "18-250mm F3.5-6.3",
        "local_date_time": "2012-08-05T11:39:59",
        "make": "SONY",
        "model": "DSLR-A550",
        "size": (512, 341),
    },
    "formats/jxl/16bit-HDR-P3-nclx.jxl": {
        "orientation": "1",
        "size": (5667, 3685),
    },
    "formats/jxl/8bit-sRGB.jxl": {
        "orientation": "1",
        "size": (1440, 1080),
    },
    "formats/motionphoto/samsung-one-ui-6.heic": {
        "date_time_original": "2024-01-13T05:38:53.853",
        "exposure_time": "1/10",
        "f_number": 1.8,
        "focal_length": 5.4,
        "iso": 200,
        "local_date_time": "2024-01-12T21:38:53.853",
        "make": "samsung",
        "model": "SM-S906U",
        "orientation": "6",
        "size": (3000, 4000),
        "stored": (4000, 3000),
        "time_zone": "UTC-8",
    },
    "formats/png/density_plot.png": {
        "size": (800, 800),
    },
    "formats/webp/denali.webp": {
        "date_time_original": "2010-08-13T21:00:01.85",
        "exposure_time": "1/400",
        "f_number": 11.0,
        "focal_length": 60.0,
        "iso": 200,
        "lens_model": "EF28-80mm f/3.5-5.6 USM",
        "local_date_time": "2010-08-13T21:00:01.85",
        "make": "Canon",
        "model": "Canon EOS 7D",
        "orientation": "1",
        "profile_description": "sRGB",
        "size": (600, 315),
    },
    "metadata/dates/date-priority-test.jpg": {
        "date_time_original": "2023-02-02T02:00:00",
        "local_date_time": "2023-02-02T02:00:00",
        "size": (100, 100),
    },
    "metadata/dates/datetimeoriginal-gps.jpg": {
        "date_time_original": "2025-12-01T18:30:00",
        "latitude": 39.0,
        "local_date_time": "2025-12-01T11:30:00",
        "longitude": -108.0,
        "size": (150, 100),
        "time_zone": "America/Denver",
    },
    "metadata/dates/gps-datetime.jpg": {
        "date_time_original": "2023-11-15T12:30:00",
        "latitude": 37.7749,
        "local_date_time": "2023-11-15T12:30:00",
        "longitude": -122.4194,
        "size": (100, 100),
        "time_zone": "UTC+0",
    },
    "metadata/dates/time-created.jpg": {
        "make": "Canon",
        "model": "EOS R5",
        "size": (100, 100),
    },
    "metadata/faces/portrait-orientation-6.jpg": {
        "orientation": "6",
        "size": (840, 700),
        "stored": (700, 840),
        "tags": ["People/Marie Curie", "People/Pierre Curie"],
    },
    "metadata/faces/portrait.jpg": {
        "size": (840, 700),
        "tags": ["People/Marie Curie", "People/Pierre Curie"],
    },
    "metadata/gps-position/empty_gps.jpg": {
        "date_time_original": "2025-06-01T16:59:26.02346",
        "exposure_time": "1/40",
        "f_number": 1.8,
        "focal_length": 5.53,
        "iso": 234,
        "local_date_time": "2025-06-01T16:59:26.02346",
        "make": "motorola",
        "model": "moto g(9) plus",
        "orientation": "1",
        "size": (4640, 3472),
    },
    "metadata/gps-position/thompson-springs.jpg": {
        "date_time_original": "2022-01-10T22:15:44.31",
        "description": (
            "Early winter scene in the mostly barren, lightly occupied quarter of "
            "southeastern Utah, near the remote settlement of Thompson Springs in the "
            "western U.S. state of Utah."
        ),
        "latitude": 39.115,
        "lens_model": "Canon EF 24-105mm f/4L IS II USM",
        "local_date_time": "2022-01-10T15:15:44.31",
        "longitude": -108.400968333,
        "profile_description": "sRGB v4 ICC preference perceptual intent beta",
        "size": (150, 103),
        "tags": ["america", "carol m. highsmith", "thompson springs", "utah", "utah winter scenes"],
        "time_zone": "America/Denver",
    },
    "metadata/rating/mongolels.jpg": {
        "date_time_original": "2009-08-29T13:18:08.17",
        "description": "Mongol Els",
        "exposure_time": "1/250",
        "f_number": 11.0,
        "focal_length": 40.0,
        "iso": 200,
        "local_date_time": "2009-08-29T13:18:08.17",
        "make": "Canon",
        "model": "Canon EOS 500D",
        "orientation": "1",
        "rating": 3,
        "size": (950, 634),
    },
    "metadata/tags/picasa.jpg": {
        "date_time_original": "2010-02-13T14:55:31",
        "description": "Image-Description",
        "exposure_time": "1/400",
        "f_number": 4.9,
        "focal_length": 18.6,
        "iso": 80,
        "local_date_time": "2010-02-13T14:55:31",
        "make": "Canon",
        "model": "Canon PowerShot SD1100 IS",
        "orientation": "1",
        "size": (100, 75),
        "tags": ["Frost", "Yard"],
    },
}
SIDECARS = {
    "2000": "2000-09-27T12:35:33",
    "2010": "2010-09-27T12:35:33",
    "2020": "2020-09-27T12:35:33",
}
# Where they are: looked at in the tests of faces and of motion photos.
APART = ("file_created_at", "modify_date", "faces", "film")


def read(name: str, sidecar: Path | None = None) -> dict[str, Any]:
    found = metadata.read(
        PHOTOS / name, file_created_at=CREATED, file_modified_at=MODIFIED, sidecar=sidecar
    )
    return {
        field: value
        for field, value in msgspec.structs.asdict(found).items()
        if field not in APART and value not in (None, (), [], "")
    }


@needs_photos
@pytest.mark.parametrize("name", FACTS)
def test_what_a_picture_says(name: str) -> None:
    facts = dict(FACTS[name])
    stored = facts.pop("stored", facts["size"])
    expected = dict(zip(("exif_image_width", "exif_image_height"), stored, strict=True))
    expected |= dict(zip(("width", "height"), facts.pop("size"), strict=True))
    sent = CREATED.astimezone(UTC).replace(tzinfo=None)
    taken, local = (
        datetime.fromisoformat(facts.pop(field)) if field in facts else sent
        for field in ("date_time_original", "local_date_time")
    )
    expected |= {"date_time_original": taken.replace(tzinfo=UTC), "local_date_time": local}

    assert read(name) == expected | facts


@needs_photos
def test_every_picture_is_looked_at() -> None:
    names = {str(path.relative_to(PHOTOS)) for path in PHOTOS.rglob("*") if path.is_file()}

    assert {name for name in names if not name.endswith(".xmp")} <= set(FACTS)


@needs_photos
@pytest.mark.parametrize(("year", "taken"), SIDECARS.items())
def test_what_a_sidecar_says_instead(year: str, taken: str) -> None:
    found = read("formats/jpg/el_torcal_rocks.jpg", PHOTOS / f"metadata/xmp/dates/{year}.xmp")

    assert found["date_time_original"] == datetime.fromisoformat(taken).replace(tzinfo=UTC)
    assert found["make"] == "SONY"
