"""Sidecars: what people said of a picture or a film, as other programs read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from media import keywords
from media.xmp import EMPTY, OURS, Array, Name, Packet, Value

if TYPE_CHECKING:
    from sql import reads

    Said = reads.sidecars.get_said_row

DESCRIPTION = Name("http://purl.org/dc/elements/1.1/", "dc", "description")
IMAGE_DESCRIPTION = Name("http://ns.adobe.com/tiff/1.0/", "tiff", "ImageDescription")
RATING = Name("http://ns.adobe.com/xap/1.0/", "xmp", "Rating")
TAKEN = Name("http://ns.adobe.com/exif/1.0/", "exif", "DateTimeOriginal")
TIME_ZONE = Name(OURS, "heliograph", "TimeZone")
LATITUDE = Name("http://ns.adobe.com/exif/1.0/", "exif", "GPSLatitude")
LONGITUDE = Name("http://ns.adobe.com/exif/1.0/", "exif", "GPSLongitude")
TAGS = Name("http://www.digikam.org/ns/1.0/", "digiKam", "TagsList")
HIERARCHIES = Name("http://ns.adobe.com/lightroom/1.0/", "lr", "hierarchicalSubject")
SUBJECTS = Name("http://purl.org/dc/elements/1.1/", "dc", "subject")


def merge(base: bytes | None, said: Said) -> bytes | None:
    """Return a sidecar with what people said; None if there is nothing that it does not say.

    All else in the former one stays as it is. Raises Malformed for one in which nothing can be
    replaced. The names are those that Immich writes, and for tags also those of Lightroom.
    """
    packet = Packet(EMPTY if base is None else base)
    values: dict[Name, Value | None] = {}
    if "description" in said["edited"]:
        for name in (DESCRIPTION, IMAGE_DESCRIPTION):
            values[name] = Array("Alt", [said["description"]])
    if "rating" in said["edited"]:
        values[RATING] = str(said["rating"] or 0)
    if "date_time_original" in said["edited"]:
        values[TAKEN] = _date(said)
        values[TIME_ZONE] = said["time_zone"]
    if {"latitude", "longitude"} & set(said["edited"]):
        values |= _position(said["latitude"], said["longitude"])
    is_lost = base is None and said["sidecar_key"] is not None
    if said["tags"] != said["written_tags"] or (is_lost and said["tags"]):
        values |= _tags(packet, said["tags"], said["written_tags"])
    return packet.replace(values)


def _date(said: Said) -> str:
    """The clock on the wall there, and how far it was from UTC where that is known."""
    wall: datetime = said["local_date_time"]
    offset = wall - said["file_created_at"].astimezone(UTC).replace(tzinfo=None)
    text = wall.isoformat()
    if said["time_zone"] is None or offset % timedelta(minutes=1):
        return text  # Before there were zones, they were not whole minutes apart.
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    return f"{text}{'-' if offset < timedelta() else '+'}{hours:02}:{minutes:02}"


def _position(latitude: float | None, longitude: float | None) -> dict[Name, Value | None]:
    if latitude is None or longitude is None:
        return {LATITUDE: None, LONGITUDE: None}
    return {
        LATITUDE: _coordinate(latitude, "NS"),
        LONGITUDE: _coordinate(longitude, "EW"),
    }


def _coordinate(degrees: float, sides: str) -> str:
    """`48,12.5N`: minutes with all digits that there are."""
    exact = abs(Decimal(repr(degrees)))
    whole = int(exact)
    minutes = f"{(exact - whole) * 60:f}"
    return f"{whole},{minutes}{sides[degrees < 0]}"


def _tags(packet: Packet, tags: Sequence[str], former: Sequence[str]) -> dict[Name, Value | None]:
    """The list is ours; words of others beside it stay."""
    gone = [tag for tag in former if tag not in tags]
    leaves = ([tag.rpartition("/")[2] for tag in some] for some in (tags, gone))
    hierarchies = (list(map(keywords.hierarchy, some)) for some in (tags, gone))
    return {
        TAGS: Array("Seq", tags),
        HIERARCHIES: _joined(packet.texts(HIERARCHIES), *hierarchies),
        SUBJECTS: _joined(packet.texts(SUBJECTS), *leaves),
    }


def _joined(there: Sequence[str] | None, wanted: list[str], gone: list[str]) -> Value | None:
    def words() -> Iterator[str]:
        yield from (word for word in there or () if word in wanted or word not in gone)
        yield from wanted

    texts = list(dict.fromkeys(words()))
    return Array("Bag", texts) if texts else None
