"""Dates as cameras write them: wall clocks, mostly without a zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

import tzfpy

_DATE = re.compile(
    r"(\d{4})[:/.-](\d{1,2})[:/.-](\d{1,2})"
    r"(?:[T ]+(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d+))?)?)?"
    r"\s*(Z|[+-]\d{1,2}:?\d{2})?"
)
_OFFSET = re.compile(r"(Z)|([+-])(\d{1,2}):?(\d{2})?")
_FURTHEST = timedelta(hours=14)
# Offsets in use that are not whole hours.
_BROKEN_HOURS = (-9.5, -3.5, -2.5, 3.5, 4.5, 5.5, 5.75, 6.5, 8.75, 9.5, 10.5, 12.75, 13.75)
_OFFSETS = [timedelta(hours=hours) for hours in (*range(-12, 15), *_BROKEN_HOURS)]
# A position fix may be some minutes old when the picture is taken.
_OLDEST_FIX = timedelta(minutes=10)


class WallClock(NamedTuple):
    """What the clock showed (without tzinfo), and how far it was from UTC if that is known."""

    time: datetime
    offset: timedelta | None = None
    zone: str | None = None  # `Europe/Oslo`, where the place told the offset

    def in_utc(self) -> datetime:
        """Return the instant; a clock of unknown zone counts as UTC."""
        return (self.time - (self.offset or timedelta())).replace(tzinfo=UTC)


def parse(text: str | None, subseconds: str | None = None) -> WallClock | None:
    """Read `2024:03:15 14:30:00`, ISO 8601 and what lies between; None for blanks and nonsense.

    `subseconds` are the digits that EXIF keeps in a tag of their own.
    """
    match = _DATE.fullmatch((text or "").strip())
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    digits = match[7] or (subseconds or "").strip()
    microsecond = int(digits[:6].ljust(6, "0")) if digits.isdecimal() else 0
    if not 1 < year < 9999:  # So that no time zone can push it over an edge.
        return None
    try:
        time = datetime(year, month, day, hour, minute, min(second, 59), microsecond)
    except ValueError:
        return None
    return WallClock(time, parse_offset(match[8]))


def parse_offset(text: str | None) -> timedelta | None:
    """Read `+02:00`, `-0330` or `Z`."""
    match = _OFFSET.fullmatch((text or "").strip())
    if match is None:
        return None
    if match[1]:
        return timedelta()
    offset = timedelta(hours=int(match[3]), minutes=int(match[4] or 0))
    if offset > _FURTHEST:
        return None
    return -offset if match[2] == "-" else offset


def at_place(clock: datetime, latitude: float, longitude: float) -> WallClock:
    """A clock that shows the time of its place, degrees north and east."""
    zone = tzfpy.get_tz(longitude, latitude)
    return WallClock(clock, ZoneInfo(zone).utcoffset(clock), zone)


def in_zone(clock: WallClock, zone: str) -> WallClock:
    """The same clock in a zone by its name, `Europe/Oslo` or `UTC+2`, unless that contradicts it.

    An hour of autumn comes twice: the clock's own offset tells which it was.
    """
    if zone in _zones():
        of_zone = [
            clock.time.replace(tzinfo=ZoneInfo(zone), fold=fold).utcoffset() for fold in (0, 1)
        ]
    elif zone.startswith("UTC"):
        of_zone = [parse_offset(zone.removeprefix("UTC") or "Z")]
    else:
        return clock
    if clock.offset is None:
        return clock._replace(offset=of_zone[0], zone=zone)
    return clock._replace(zone=zone) if clock.offset in of_zone else clock


@cache
def _zones() -> set[str]:
    return available_timezones()


def offset_from(clock: datetime, utc: datetime) -> timedelta | None:
    """Infer the zone of a wall clock from a satellite's UTC (both without tzinfo)."""
    difference = clock - utc
    nearest = min(_OFFSETS, key=lambda offset: abs(offset - difference))
    return nearest if abs(nearest - difference) <= _OLDEST_FIX else None


def zone_name(clock: WallClock) -> str | None:
    """Name a zone as Immich's clients expect it: `UTC+2`, `UTC+5:30`, `UTC+0`, `Europe/Oslo`."""
    offset = clock.offset
    if clock.zone or offset is None:
        return clock.zone
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    sign = "-" if offset < timedelta() else "+"
    return f"UTC{sign}{hours}:{minutes:02}" if minutes else f"UTC{sign}{hours}"
