"""What a picture or a film says of itself: when, where, with what, how large."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from media import boxes, dates, profiles, tags, video
from media.dates import WallClock
from media.errors import UnreadableImage
from media.tags import Tags
from sync.operations.renditions import Metadata

_SIDEWAYS = (5, 6, 7, 8)
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
        shape = boxes.shape(path)
        own = tags.read(path)
        beside = tags.read_sidecar(sidecar) if sidecar else Tags()
    except OSError as error:
        raise UnreadableImage(f"The file cannot be opened: {error.strerror}") from error

    width, height = shape[:2] if shape else (own.width, own.height)
    turn = shape.orientation if shape and shape.orientation else _orientation(own)
    upright = (height, width) if turn in _SIDEWAYS else (width, height)
    position = _position(beside) or _position(own)
    latitude, longitude = position or (None, None)
    clock = _taken(beside, own, position)
    taken_at = clock.in_utc() if clock else min(file_created_at, file_modified_at).astimezone(UTC)
    return Metadata(
        file_created_at=taken_at,
        local_date_time=clock.time if clock else taken_at.replace(tzinfo=None),
        width=upright[0],
        height=upright[1],
        description=_description(beside) or _description(own) or "",
        exif_image_width=width,
        exif_image_height=height,
        orientation=str(turn) if turn else None,
        date_time_original=taken_at,
        modify_date=file_modified_at.astimezone(UTC),
        time_zone=dates.zone_name(clock) if clock else None,
        latitude=latitude,
        longitude=longitude,
        projection_type=_projection(beside) or _projection(own),
        make=_text(beside, own, "Exif.Image.Make", "Xmp.tiff.Make"),
        model=_text(beside, own, "Exif.Image.Model", "Xmp.tiff.Model"),
        lens_model=_lens(beside, own),
        f_number=_number(beside, own, "Exif.Photo.FNumber", "Xmp.exif.FNumber"),
        focal_length=_number(beside, own, "Exif.Photo.FocalLength", "Xmp.exif.FocalLength"),
        iso=_iso(beside, own),
        exposure_time=_exposure(
            _number(beside, own, "Exif.Photo.ExposureTime", "Xmp.exif.ExposureTime")
        ),
        profile_description=profiles.description(own.profile) if own.profile else None,
        rating=_rating(beside) or _rating(own),
    )


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
        beside = tags.read_sidecar(sidecar) if sidecar else Tags()
    except OSError as error:
        raise UnreadableImage(f"The file cannot be opened: {error.strerror}") from error
    try:
        film = video.probe(path)
    except UnreadableImage:  # Whoever makes its picture says why.
        film = None

    own = film.tags if film else {}
    position = _position(beside) or _film_position(own)
    latitude, longitude = position or (None, None)
    clock = _taken(beside, Tags(), position) or _filmed(own, position)
    taken_at = clock.in_utc() if clock else min(file_created_at, file_modified_at).astimezone(UTC)
    return Metadata(
        file_created_at=taken_at,
        local_date_time=clock.time if clock else taken_at.replace(tzinfo=None),
        width=film.shown[0] if film else None,
        height=film.shown[1] if film else None,
        duration_ms=film.duration_ms if film else None,
        description=_description(beside) or _of_film(own, "description") or "",
        exif_image_width=film.width if film else None,
        exif_image_height=film.height if film else None,
        orientation=str(film.orientation) if film else None,
        date_time_original=taken_at,
        modify_date=file_modified_at.astimezone(UTC),
        time_zone=dates.zone_name(clock) if clock else None,
        latitude=latitude,
        longitude=longitude,
        projection_type=_projection(beside),
        make=beside.text("Xmp.tiff.Make") or _of_film(own, "make", "manufacturer"),
        model=beside.text("Xmp.tiff.Model") or _of_film(own, "model"),
        lens_model=_lens(beside, Tags()) or _of_film(own, "camera.lens_model"),
        rating=_rating(beside),
        fps=film.fps if film else None,
    )


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
    name = _text(beside, own, "Exif.Photo.LensModel", "Xmp.exifEX.LensModel", "Xmp.aux.Lens")
    if name is None and own.lens and not own.lens.isdecimal():
        return own.lens
    return name


def _text(beside: Tags, own: Tags, *names: str) -> str | None:
    return beside.text(*names) or own.text(*names)


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


# Where.


def _position(of: Tags) -> tuple[float, float] | None:
    latitude, longitude = _coordinate(of, "Latitude", 90), _coordinate(of, "Longitude", 180)
    if latitude is None or longitude is None or (latitude == 0 and longitude == 0):
        return None
    return latitude, longitude


def _coordinate(of: Tags, axis: str, limit: int) -> float | None:
    degrees = _degrees(of.numbers(f"Exif.GPSInfo.GPS{axis}"))
    side = of.text(f"Exif.GPSInfo.GPS{axis}Ref") or ""
    if degrees is None or side[:1] not in tuple("NSEW"):
        # XMP writes `41,13.218N` or `41,13,5.08N`.
        match = re.fullmatch(r"([\d.,]+)([NSEW])", of.text(f"Xmp.exif.GPS{axis}") or "")
        if match is None:
            return None
        side = match[2]
        try:
            degrees = _degrees([float(part) for part in match[1].split(",")])
        except ValueError:
            return None
    if degrees is None or abs(degrees) > limit:
        return None
    return round(-degrees if side[0] in "SW" else degrees, 9)


def _degrees(parts: list[float | None]) -> float | None:
    """Add up degrees, minutes and seconds; cameras leave out or void the smaller ones."""
    if not parts or parts[0] is None:
        return None
    return sum((part or 0.0) / divisor for part, divisor in zip(parts, (1, 60, 3600), strict=False))


# When.


def _taken(beside: Tags, own: Tags, position: tuple[float, float] | None) -> WallClock | None:
    """Return the first date in Immich's order; any date in the sidecar comes before all others.

    Its zone is what the tags say, else that of the place, else what the satellites' clock tells.
    """
    clock = next(_candidates(beside), None) or next(_candidates(own), None)
    if clock is None or clock.offset is not None:
        return clock
    for of in (beside, own):
        if (offset := _offset(clock.time, of)) is not None:
            return clock._replace(offset=offset)
    if position:
        return dates.at_place(clock.time, *position)
    satellite = _satellite_date(beside) or _satellite_date(own)
    offset = dates.offset_from(clock.time, satellite.time) if satellite else None
    return clock._replace(offset=offset)


def _candidates(of: Tags) -> Iterator[WallClock]:
    """Yield a file's dates, most trusted first."""
    found = [
        _with_offset_of_copy(
            _exif_date(of, "Exif.Photo.DateTimeOriginal", "Original"),
            dates.parse(of.text("Xmp.exif.DateTimeOriginal")),
        ),
        dates.parse(of.text("Xmp.photoshop.DateCreated")),
        dates.parse(of.text("Xmp.pdf.CreationDate")),
        _with_offset_of_copy(
            _exif_date(of, "Exif.Photo.DateTimeDigitized", "Digitized"),
            dates.parse(of.text("Xmp.xmp.CreateDate", "Xmp.exif.DateTimeDigitized")),
        ),
        _iptc_date(of),
        _satellite_date(of),
        dates.parse(of.text("Xmp.GPano.SourceImageCreateTime")),
    ]
    return (clock for clock in found if clock)


def _exif_date(of: Tags, name: str, kind: str) -> WallClock | None:
    clock = dates.parse(of.text(name), of.text(f"Exif.Photo.SubSecTime{kind}"))
    if clock is None:
        return None
    return clock._replace(offset=dates.parse_offset(of.text(f"Exif.Photo.OffsetTime{kind}")))


def _with_offset_of_copy(clock: WallClock | None, copy: WallClock | None) -> WallClock | None:
    """Take the zone from XMP where it shows the same time: EXIF before 2.31 had no place for it."""
    if clock is None or copy is None:
        return clock or copy
    same = clock.time.replace(microsecond=0) == copy.time.replace(microsecond=0)
    return clock._replace(offset=copy.offset) if same and clock.offset is None else clock


def _iptc_date(of: Tags) -> WallClock | None:
    day, time = (of.text(f"Iptc.Application2.{part}Created") for part in ("Date", "Time"))
    # exiv2 shows a missing zone as +00:00, so the zone cannot be believed.
    clock = dates.parse(f"{day} {(time or '')[:8]}".strip()) if day else None
    return WallClock(clock.time) if clock else None


def _satellite_date(of: Tags) -> WallClock | None:
    day = of.text("Exif.GPSInfo.GPSDateStamp")
    parts = of.numbers("Exif.GPSInfo.GPSTimeStamp")
    if day and len(parts) == 3 and None not in parts:
        midnight = dates.parse(day)
        seconds = sum((part or 0) * 60 ** (2 - place) for place, part in enumerate(parts))
        if midnight and 0 <= seconds <= 86400:
            return WallClock(midnight.time + timedelta(seconds=round(seconds, 3)), timedelta())
    clock = dates.parse(of.text("Xmp.exif.GPSTimeStamp"))
    return WallClock(clock.time - (clock.offset or timedelta()), timedelta()) if clock else None


def _offset(clock: datetime, of: Tags) -> timedelta | None:
    """Find the zone in another tag."""
    for kind in ("Original", "Digitized"):
        offset = dates.parse_offset(of.text(f"Exif.Photo.OffsetTime{kind}"))
        if offset is not None:
            return offset
    changed = dates.parse(of.text("Exif.Image.DateTime"))
    if changed and changed.time == clock.replace(microsecond=0):
        # Never edited, so the offset of the last change is that of the picture.
        offset = dates.parse_offset(of.text("Exif.Photo.OffsetTime"))
        if offset is not None:
            return offset
    hours = of.number("Exif.Image.TimeZoneOffset")
    if hours is not None and abs(hours) <= 14:
        return timedelta(hours=hours)
    return None
