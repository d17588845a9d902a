"""Steps of workflows: how each is configured, and the filters among them."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from sql import Connection, reads
from sync import plugins
from sync.errors import Invalid

if TYPE_CHECKING:
    Asset = reads.workflows.get_asset_row

PATTERN_MAX = 500  # characters
EARTH_RADIUS_KM = 6371.0
METHOD = re.compile(r"(?P<plugin>[^@#\s]+)(?:@[^#\s]*)?#(?P<name>[^@#\s]+)")

MatchType = Literal["contains", "startsWith", "exact", "regex"]
Property = Literal[
    "make", "model", "lensModel", "fNumber", "focalLength", "iso", "exposureTime", "description",
    "rating", "fps", "orientation", "projectionType", "timeZone", "city", "state", "country",
]  # fmt: skip


class Config(msgspec.Struct, rename="camel", kw_only=True):
    """Of one step. What it has not, the step does without."""


class Matching(Config, kw_only=True):
    pattern: Annotated[str, Meta(max_length=PATTERN_MAX)]
    match_type: MatchType = "contains"
    case_sensitive: bool = False


class FileFilter(Matching, kw_only=True):
    use_path: bool = False


class ExifFilter(Matching, kw_only=True):
    property: Property


class TypeFilter(Config, kw_only=True):
    allowed_types: list[Literal["IMAGE", "VIDEO", "AUDIO", "OTHER"]]


class Day(Config, kw_only=True):
    day: Annotated[int, Meta(ge=1, le=31)]
    month: Annotated[int, Meta(ge=1, le=12)]
    year: Annotated[int, Meta(ge=1, le=9999)]

    def __post_init__(self) -> None:
        self.as_date()

    def as_date(self) -> date:
        return date(self.year, self.month, self.day)


class DateFilter(Config, kw_only=True):
    start_date: Day
    end_date: Day
    recurring: bool


class Region(Config, kw_only=True):
    country: str | None = None
    state: str | None = None
    city: str | None = None


class Coordinate(Config, kw_only=True):
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None
    radius: Annotated[float, Meta(ge=0)] | None = None


class LocationFilter(Config, kw_only=True):
    region: Region | None = None
    coordinate: Coordinate | None = None


class TagFilter(Config, kw_only=True):
    tags: list[UUID]
    matching: Literal["any", "all", "none"] = "any"


class Inversible(Config, kw_only=True):
    inverse: bool = False


class Visibility(Config, kw_only=True):
    visibility: Literal["archive", "timeline", "locked"]


class AddToAlbums(Config, kw_only=True):
    album_ids: Annotated[list[UUID], Meta(max_length=100)]
    album_name: Annotated[str, Meta(max_length=500)] | None = None


class AddTags(Config, kw_only=True):
    tags: Annotated[list[UUID], Meta(max_length=100)]


CONFIGS: dict[str, type[Config]] = {
    "assetFileFilter": FileFilter,
    "assetTypeFilter": TypeFilter,
    "assetDateFilter": DateFilter,
    "assetLocationFilter": LocationFilter,
    "assetExifFilter": ExifFilter,
    "assetTagFilter": TagFilter,
    "assetMissingTimeZoneFilter": Inversible,
    "assetArchive": Inversible,
    "assetLock": Inversible,
    "assetVisibility": Visibility,
    "assetFavorite": Inversible,
    "assetAddToAlbums": AddToAlbums,
    "assetAddTags": AddTags,
}


def name_of(method: str) -> str:
    """What a step does, of `plugin#name` or `plugin@version#name`. Raises Invalid."""
    found = METHOD.fullmatch(method)
    if not found or found["plugin"] != plugins.NAME or found["name"] not in CONFIGS:
        raise Invalid(f"Unknown method {method}")
    return found["name"]


def read_config(name: str, config: dict[str, Any] | None) -> Config:
    """Raises Invalid."""
    try:
        return msgspec.convert(config or {}, CONFIGS[name])
    except msgspec.ValidationError as error:
        raise Invalid(f"Invalid config: {error}") from error


async def require_pattern(connection: Connection, config: Config) -> None:
    """If it is to match a regular expression, there is one. Raises Invalid."""
    if isinstance(config, Matching) and config.match_type == "regex":
        await _search(connection, "", config)


async def _pass_file(connection: Connection, config: FileFilter, asset: Asset) -> bool:
    value = asset["original_key"] if config.use_path else asset["original_file_name"]
    return await _match(connection, value, config)


async def _pass_exif(connection: Connection, config: ExifFilter, asset: Asset) -> bool:
    value = asset["exif"][config.property]
    return value is not None and await _match(connection, str(value), config)


async def _pass_type(_: Connection, config: TypeFilter, asset: Asset) -> bool:
    return asset["type"] in config.allowed_types


async def _pass_date(_: Connection, config: DateFilter, asset: Asset) -> bool:
    """Both days belong to it. Of every year: also over New Year."""
    day = asset["local_date_time"].date()
    first, last = config.start_date.as_date(), config.end_date.as_date()
    if not config.recurring:
        return first <= day <= last
    start, here, end = ((one.month, one.day) for one in (first, day, last))
    return start <= here <= end if start <= end else here >= start or here <= end


async def _pass_location(_: Connection, config: LocationFilter, asset: Asset) -> bool:
    exif, region, point = asset["exif"], config.region or Region(), config.coordinate
    for wanted, place in (
        (region.country, exif["country"]),
        (region.state, exif["state"]),
        (region.city, exif["city"]),
    ):
        if wanted and wanted != place:
            return False
    if point is None or point.latitude is None or point.longitude is None:
        return True
    if exif["latitude"] is None or exif["longitude"] is None:
        return False
    here = (exif["latitude"], exif["longitude"])
    return _distance_km(here, (point.latitude, point.longitude)) <= (point.radius or 0)


async def _pass_tags(_: Connection, config: TagFilter, asset: Asset) -> bool:
    has, wanted = set(asset["tag_ids"]), set(config.tags)
    match config.matching:
        case "all":
            return wanted <= has
        case "none":
            return wanted.isdisjoint(has)
    return not wanted or not wanted.isdisjoint(has)


async def _pass_no_time_zone(_: Connection, config: Inversible, asset: Asset) -> bool:
    return bool(asset["exif"]["timeZone"]) == config.inverse


async def _match(connection: Connection, value: str, config: Matching) -> bool:
    if config.match_type == "regex":
        return await _search(connection, value, config)
    pattern = config.pattern
    if not config.case_sensitive:
        value, pattern = value.lower(), pattern.lower()
    match config.match_type:
        case "contains":
            return pattern in value
        case "startsWith":
            return value.startswith(pattern)
    return value == pattern


async def _search(connection: Connection, value: str, config: Matching) -> bool:
    """By Postgres, which takes no forever but for references to what was found: it takes none."""
    if re.search(r"\\[1-9]", config.pattern):
        raise Invalid("Regular expressions cannot refer back to what they found")
    # The edges of words are what JavaScript, and so Immich, calls by other letters.
    pattern = re.sub(r"\\(.)", _translate, config.pattern, flags=re.DOTALL)
    row = await reads.workflows.match(
        connection, value=value, pattern=pattern, is_case_sensitive=config.case_sensitive
    )
    if not row["is_pattern"]:
        raise Invalid(f"Invalid regular expression: {config.pattern}")
    return row["is_match"]


def _translate(escape: re.Match[str]) -> str:
    return {"b": r"\y", "B": r"\Y"}.get(escape[1], escape[0])


def _distance_km(here: tuple[float, float], there: tuple[float, float]) -> float:
    """Along the surface, between points in degrees."""
    (lat1, lon1), (lat2, lon2) = (tuple(map(math.radians, point)) for point in (here, there))
    half = (
        math.sin((lat2 - lat1) / 2) ** 2
        + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(half)))


FILTERS: dict[str, Callable[[Connection, Any, Asset], Awaitable[bool]]] = {
    "assetFileFilter": _pass_file,
    "assetTypeFilter": _pass_type,
    "assetDateFilter": _pass_date,
    "assetLocationFilter": _pass_location,
    "assetExifFilter": _pass_exif,
    "assetTagFilter": _pass_tags,
    "assetMissingTimeZoneFilter": _pass_no_time_zone,
}
