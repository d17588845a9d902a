"""What a picture or a film says of itself: when, where, with what, how large."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from media import (
    apart,
    boxes,
    dates,
    jxl,
    keywords,
    motion,
    pairs,
    profiles,
    raw,
    regions,
    tags,
    taken,
    video,
)
from media.boxes import Shape
from media.dates import WallClock
from media.errors import UnreadableImage
from media.tags import Tags
from storage import media_types
from sync.operations.renditions import Metadata

_SIDEWAYS = (5, 6, 7, 8)
NAME_CHARACTERS_MAX = 500  # all of which Postgres can index
_UNSET_YEARS = (1904, 1970)  # where the clocks of QuickTime and Unix begin
# Degrees alone, with minutes, or with minutes and seconds. ISO 6709.
_ISO_6709 = re.compile(
    r"([+-](?:\d{6}|\d{4}|\d\d))(\.\d+)?([+-](?:\d{7}|\d{5}|\d{3}))(\.\d+)?(?!\d)"
)


def read(
    path: Path,
    *,
    file_created_at: datetime,
    file_modified_at: datetime,
    sidecar: Path | None = None,
) -> Metadata:
    """Read a file's metadata; what the XMP sidecar says wins.

    The two dates (with tzinfo) are what the client sent: they stand in where the file has no date
    of its own. Damaged metadata is left out; only a file that cannot be opened at all raises
    UnreadableImage.
    """
    try:
        shape = boxes.shape(path) or jxl.shape(path) or _raw_shape(path)
        own = tags.read(path)
    except OSError as error:
        raise UnreadableImage(f"The file cannot be opened: {error.strerror}") from error
    beside = _read_beside(sidecar)

    width, height = shape[:2] if shape else (own.width, own.height)
    turn = shape.orientation if shape and shape.orientation else _orientation(own)
    upright = (height, width) if turn in _SIDEWAYS else (width, height)
    position = taken.position(beside) or taken.position(own)
    latitude, longitude = position or (None, None)
    clock = taken.clock(beside, own, position)
    taken_at = clock.in_utc() if clock else min(file_created_at, file_modified_at).astimezone(UTC)
    return Metadata(
        file_created_at=taken_at,
        local_date_time=clock.time if clock else taken_at.replace(tzinfo=None),
        width=upright[0],
        height=upright[1],
        description=_described(beside, _description(own)),
        exif_image_width=width,
        exif_image_height=height,
        orientation=str(turn) if turn else None,
        date_time_original=taken_at,
        modify_date=file_modified_at.astimezone(UTC),
        time_zone=dates.zone_name(clock) if clock else None,
        latitude=latitude,
        longitude=longitude,
        projection_type=_projection(beside) or _projection(own),
        make=_name(beside, own, "Exif.Image.Make", "Xmp.tiff.Make"),
        model=_name(beside, own, "Exif.Image.Model", "Xmp.tiff.Model"),
        lens_model=_lens(beside, own),
        f_number=_number(beside, own, "Exif.Photo.FNumber", "Xmp.exif.FNumber"),
        focal_length=_number(beside, own, "Exif.Photo.FocalLength", "Xmp.exif.FocalLength"),
        iso=_iso(beside, own),
        exposure_time=_exposure(
            _number(beside, own, "Exif.Photo.ExposureTime", "Xmp.exif.ExposureTime")
        ),
        profile_description=profiles.description(own.profile) if own.profile else None,
        rating=_rated(beside, _rating(own)),
        burst_id=pairs.of_burst(own, beside),
        live_photo_cid=pairs.of_still(own, beside),
        film=motion.find(path, own),
        tags=keywords.read(beside, own),
        faces=regions.read(beside, own, (width, height), turn or 1),
    )


def _raw_shape(path: Path) -> Shape | None:
    """What it measures when it is developed: a little more or less than its tags say."""
    if media_types.kind(path.name) != "raw":
        return None
    try:
        shape: Shape | None = apart.run(raw.measure, path)
    except (UnreadableImage, RuntimeError):  # Whoever makes its picture says why.
        return None
    return shape


def read_film(
    path: Path,
    *,
    file_created_at: datetime,
    file_modified_at: datetime,
    sidecar: Path | None = None,
) -> Metadata:
    """The same of a film. Of one that cannot be decoded the sidecar and the sender tell."""
    try:
        path.open("rb").close()
    except OSError as error:
        raise UnreadableImage(f"The file cannot be opened: {error.strerror}") from error
    beside = _read_beside(sidecar)
    try:
        film = video.probe(path)
    except UnreadableImage:  # Whoever makes its picture says why.
        film = None

    own = film.tags if film else {}
    position = taken.position(beside) or _film_position(own)
    latitude, longitude = position or (None, None)
    clock = taken.clock(beside, Tags(), position) or _filmed(own, position)
    taken_at = clock.in_utc() if clock else min(file_created_at, file_modified_at).astimezone(UTC)
    return Metadata(
        file_created_at=taken_at,
        local_date_time=clock.time if clock else taken_at.replace(tzinfo=None),
        width=film.shown[0] if film else None,
        height=film.shown[1] if film else None,
        duration_ms=film.duration_ms if film else None,
        description=_described(beside, _of_film(own, "description")),
        exif_image_width=film.width if film else None,
        exif_image_height=film.height if film else None,
        orientation=str(film.orientation) if film else None,
        date_time_original=taken_at,
        modify_date=file_modified_at.astimezone(UTC),
        time_zone=dates.zone_name(clock) if clock else None,
        latitude=latitude,
        longitude=longitude,
        projection_type=_projection(beside) or (film.projection if film else None),
        make=_fit(beside.text("Xmp.tiff.Make") or _of_film(own, "make", "manufacturer")),
        model=_fit(beside.text("Xmp.tiff.Model") or _of_film(own, "model")),
        lens_model=_fit(_lens(beside, Tags()) or _of_film(own, "camera.lens_model")),
        rating=_rated(beside, None),
        fps=film.fps if film else None,
        live_photo_cid=pairs.of_film(own),
        tags=keywords.read(beside, Tags()),
    )


def _read_beside(sidecar: Path | None) -> Tags:
    """Without one that should be there, what only it said would seem to be taken back."""
    try:
        return tags.read_sidecar(sidecar) if sidecar else Tags()
    except OSError as error:
        raise UnreadableImage(f"The sidecar cannot be opened: {error.strerror}") from error


def _of_film(own: Mapping[str, str], *names: str) -> str | None:
    """As Apple, Android or QuickTime itself call it."""
    for name in names:
        for full in (f"com.apple.quicktime.{name}", f"com.android.{name}", name):
            if value := own.get(full, "").replace("\0", "").strip():
                return value
    return None


def _film_position(own: Mapping[str, str]) -> tuple[float, float] | None:
    text = own.get("com.apple.quicktime.location.iso6709") or own.get("location") or ""
    match = _ISO_6709.match(text)
    if match is None:
        return None
    latitude = _sexagesimal(match[1], match[2], 2)
    longitude = _sexagesimal(match[3], match[4], 3)
    if abs(latitude) > 90 or abs(longitude) > 180 or latitude == longitude == 0:
        return None
    return latitude, longitude


def _sexagesimal(whole: str, fraction: str | None, degree_digits: int) -> float:
    """`+4851` and `.46`: 48 degrees and 51.46 minutes."""
    digits = whole[1:]
    parts = [digits[:degree_digits], *re.findall("..", digits[degree_digits:])]
    values = [float(part) for part in parts]
    values[-1] += float(fraction or 0)
    degrees = sum(value / (1, 60, 3600)[power] for power, value in enumerate(values))
    return round(-degrees if whole[0] == "-" else degrees, 9)


def _filmed(own: Mapping[str, str], position: tuple[float, float] | None) -> WallClock | None:
    """The clock there if the film kept it, else the UTC that films have, seen from the place."""
    for name in ("com.apple.quicktime.creationdate", "date"):
        clock = dates.parse(own.get(name))
        if clock and clock.offset is not None:
            return clock
    clock = dates.parse(own.get("creation_time"))
    if clock is None or clock.time.year in _UNSET_YEARS:
        return None
    utc = clock.in_utc()
    zone = dates.at_place(clock.time, *position).zone if position else None
    if zone is None:
        return WallClock(utc.replace(tzinfo=None), timedelta())
    there = utc.astimezone(ZoneInfo(zone))
    return WallClock(there.replace(tzinfo=None), there.utcoffset(), zone)


def _lens(beside: Tags, own: Tags) -> str | None:
    name = _name(beside, own, "Exif.Photo.LensModel", "Xmp.exifEX.LensModel", "Xmp.aux.Lens")
    if name is None and own.lens and not own.lens.isdecimal():
        return _fit(own.lens)
    return name


def _name(beside: Tags, own: Tags, *names: str) -> str | None:
    return _fit(beside.text(*names) or own.text(*names))


def _fit(name: str | None) -> str | None:
    return name and name[:NAME_CHARACTERS_MAX].strip()


def _number(beside: Tags, own: Tags, *names: str) -> float | None:
    """Return the first number; a zero means that the camera did not know."""
    return beside.number(*names) or own.number(*names) or None


def _orientation(own: Tags) -> int | None:
    turn = own.number("Exif.Image.Orientation")
    return int(turn) if turn and turn in range(1, 9) else None


def _projection(of: Tags) -> str | None:
    name = of.text("Xmp.GPano.ProjectionType")
    return name.upper() if name else None


def _description(of: Tags) -> str | None:
    return of.text(
        "Exif.Image.ImageDescription",
        "Iptc.Application2.Caption",
        "Xmp.dc.description",
        "Xmp.tiff.ImageDescription",
    )


def _described(beside: Tags, own_word: str | None) -> str:
    """What a sidecar says, were it nothing; of nothing Immich writes one of its two forms too."""
    is_silent = beside.texts("Xmp.tiff.ImageDescription") is None
    return _description(beside) or (is_silent and own_word) or ""


def _rated(beside: Tags, own_word: int | None) -> int | None:
    """Zero stars, which means none, are a word too."""
    return own_word if beside.number("Xmp.xmp.Rating") is None else _rating(beside)


def _rating(of: Tags) -> int | None:
    stars = of.number("Xmp.xmp.Rating", "Exif.Image.Rating")
    return int(stars) if stars and stars in range(1, 6) else None


def _iso(beside: Tags, own: Tags) -> int | None:
    # 65535 in the first tag means: too large for it, look at the next.
    names = (
        "Exif.Photo.ISOSpeedRatings",
        "Exif.Photo.RecommendedExposureIndex",
        "Exif.Photo.StandardOutputSensitivity",
        "Xmp.exif.ISOSpeedRatings",
        "Xmp.exifEX.PhotographicSensitivity",
    )
    for name in names:
        iso = _number(beside, own, name)
        if iso and 0 < iso < 2**31 and iso != 65535:
            return round(iso)
    return int(own.iso) if own.iso and own.iso.isdecimal() else None


def _exposure(seconds: float | None) -> str | None:
    """Write `1/125` up to a quarter of a second, `0.5` and `30` above."""
    if seconds is None or seconds <= 0:
        return None
    if seconds < 0.25001:
        return f"1/{int(0.5 + 1 / seconds)}"
    return f"{seconds:.1f}".removesuffix(".0")
