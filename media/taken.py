"""When and where a picture was taken, as its tags tell and those of its sidecar."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from media import dates
from media.dates import WallClock
from media.tags import Tags


def position(of: Tags) -> tuple[float, float] | None:
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
            exact = sum(
                (Decimal(part) / 60**power for power, part in enumerate(match[1].split(","))),
                Decimal(),
            )
        except (InvalidOperation, OverflowError):
            return None
        degrees = float(exact)
    if degrees is None or abs(degrees) > limit:
        return None
    return -degrees if side[0] in "SW" else degrees


def _degrees(parts: list[float | None]) -> float | None:
    """Add up degrees, minutes and seconds; cameras leave out or void the smaller ones."""
    if not parts or parts[0] is None:
        return None
    shares = ((part or 0.0) / divisor for part, divisor in zip(parts, (1, 60, 3600), strict=False))
    return round(sum(shares), 9)


def clock(beside: Tags, own: Tags, place: tuple[float, float] | None) -> WallClock | None:
    """Return the first date in Immich's order; any date in the sidecar comes before all others.

    Its zone is what the tags say, else that of the place, else what the satellites' clock tells.
    """
    found = next(_candidates(beside), None) or next(_candidates(own), None)
    if found is None:
        return None
    if zone := beside.text("Xmp.heliograph.TimeZone"):
        found = dates.in_zone(found, zone)
    if found.offset is not None:
        return found
    for of in (beside, own):
        if (offset := _offset(found.time, of)) is not None:
            return found._replace(offset=offset)
    if place:
        return dates.at_place(found.time, *place)
    satellite = _satellite_date(beside) or _satellite_date(own)
    offset = dates.offset_from(found.time, satellite.time) if satellite else None
    return found._replace(offset=offset)


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
