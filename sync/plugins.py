"""The steps that workflows can be made of, as Immich lists a plugin: methods and templates.

The names and the shapes of configs are Immich's, so that its clients and shared workflows fit.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

Schema = dict[str, Any]

ID = "5b1f0a52-7c1e-4d3a-9b64-2f6f0c7d9e11"
NAME = "immich-plugin-core"
TITLE = "Immich Core Plugin"
DESCRIPTION = "The steps that come with this server"
AUTHOR = "Heliograph"
VERSION = "3.2.2"
SINCE = "2026-11-21T00:00:00.000Z"
Type = Literal["AssetV1"]
TYPES: tuple[Type, ...] = get_args(Type)  # what steps take in, and what every trigger gives


class Method(NamedTuple):
    name: str
    title: str
    description: str
    schema: Schema
    is_filter: bool = False
    has_host_functions: bool = False

    @property
    def key(self) -> str:
        return f"{NAME}#{self.name}"


class TemplateStep(NamedTuple):
    method: str
    config: dict[str, Any]


class Template(NamedTuple):
    key: str
    title: str
    description: str
    trigger: str
    steps: tuple[TemplateStep, ...]


def _object(*required: str, **properties: Schema) -> Schema:
    schema: Schema = {"type": "object", "properties": properties}
    return {**schema, "required": list(required)} if required else schema


def _value(type_: str, title: str, description: str, **more: object) -> Schema:
    return {"type": type_, "title": title, "description": description, **more}


def _part(title: str, description: str, schema: Schema, **more: object) -> Schema:
    return {**schema, "title": title, "description": description, **more}


def _inverse(description: str) -> Schema:
    return _value("boolean", "Inverse", description, default=False)


def _pattern(what: str) -> dict[str, Schema]:
    return {
        "pattern": _value("string", "Pattern", f"Text or regular expression to find in the {what}"),
        "matchType": _value(
            "string",
            "Match type",
            "How the pattern is compared",
            enum=["contains", "startsWith", "exact", "regex"],
            default="contains",
        ),
        "caseSensitive": _value(
            "boolean", "Case sensitive", "Tell capitals from small letters", default=False
        ),
    }


def _day(title: str, description: str, order: int) -> Schema:
    numbers = {
        name: _value("number", name.capitalize(), f"The {name}", uiHint={"order": place})
        for place, name in enumerate(("day", "month", "year"), start=1)
    }
    return _part(
        title, description, _object("day", "month", "year", **numbers), uiHint={"order": order}
    )


EXIF = (
    "make", "model", "lensModel", "fNumber", "focalLength", "iso", "exposureTime", "description",
    "rating", "fps", "orientation", "projectionType", "timeZone", "city", "state", "country",
)  # fmt: skip
REGION = _object(
    country=_value("string", "Country", "The country's name, exactly"),
    state=_value("string", "State/province", "The state's or province's name, exactly"),
    city=_value("string", "City", "The city's name, exactly"),
)
COORDINATE = _object(
    latitude=_value("number", "Latitude", "Degrees north", minimum=-90, maximum=90),
    longitude=_value("number", "Longitude", "Degrees east", minimum=-180, maximum=180),
    radius=_value("number", "Maximum distance", "Kilometres from there", minimum=0),
)

METHODS = (
    Method(
        "assetFileFilter",
        "Filter by filename",
        "Go on with assets whose file has such a name",
        _object(
            "pattern",
            **_pattern("name"),
            usePath=_value(
                "boolean", "Use path", "Look at the whole path, not the name alone", default=False
            ),
        ),
        is_filter=True,
    ),
    Method(
        "assetTypeFilter",
        "Filter by asset type",
        "Go on with assets of these types",
        _object(
            "allowedTypes",
            allowedTypes=_value(
                "string",
                "Asset types",
                "The types to go on with",
                array=True,
                enum=["IMAGE", "VIDEO", "AUDIO", "OTHER"],
            ),
        ),
        is_filter=True,
    ),
    Method(
        "assetDateFilter",
        "Filter by date",
        "Go on with assets taken on these days",
        _object(
            "recurring",
            "startDate",
            "endDate",
            startDate=_day("Start date", "The first day", 1),
            endDate=_day("End date", "The last day", 2),
            recurring=_value(
                "boolean",
                "Match recurring dates",
                "The same days of every year",
                default=False,
                uiHint={"order": 3},
            ),
        ),
        is_filter=True,
    ),
    Method(
        "assetLocationFilter",
        "Filter assets by geolocation",
        "Go on with assets taken in a place",
        _object(
            region=_part("Region", "A place by its name", REGION),
            coordinate=_part("Coordinate", "All around a point", COORDINATE),
        ),
        is_filter=True,
    ),
    Method(
        "assetExifFilter",
        "Filter by EXIF",
        "Go on with assets of which the file says such a thing",
        _object(
            "property",
            "pattern",
            property=_value("string", "Property", "What to look at", enum=list(EXIF)),
            **_pattern("property"),
        ),
        is_filter=True,
    ),
    Method(
        "assetTagFilter",
        "Filter by tags",
        "Go on with assets that have these tags",
        _object(
            "tags",
            tags=_value(
                "string", "Tags", "The tags to look for", array=True, uiHint={"type": "TagId"}
            ),
            matching=_value(
                "string",
                "Matching",
                "How many of them an asset must have",
                enum=["any", "all", "none"],
                default="any",
            ),
        ),
        is_filter=True,
    ),
    Method(
        "assetMissingTimeZoneFilter",
        "Filter by missing time zone",
        "Go on with assets of which no time zone is known",
        _object(inverse=_inverse("Go on with those of which it is known")),
        is_filter=True,
    ),
    Method(
        "assetArchive",
        "Archive asset",
        "Move to the archive",
        _object(inverse=_inverse("Back from the archive to the timeline")),
    ),
    Method(
        "assetLock",
        "Move to locked folder",
        "Show only behind the PIN code",
        _object(inverse=_inverse("Back from the locked folder to the timeline")),
    ),
    Method(
        "assetVisibility",
        "Update visibility",
        "Show in a place of your choice",
        _object(
            "visibility",
            visibility=_value(
                "string",
                "Visibility",
                "Where it is shown",
                enum=["archive", "timeline", "locked"],
            ),
        ),
    ),
    Method(
        "assetFavorite",
        "Favorite",
        "Make a favorite",
        _object(inverse=_inverse("Make it none any more")),
    ),
    Method(
        "assetAddToAlbums",
        "Add to Album(s)",
        "Show in albums",
        _object(
            "albumIds",
            albumIds=_value(
                "string", "Album IDs", "The albums", array=True, uiHint={"type": "AlbumId"}
            ),
            albumName=_value(
                "string", "Album name", "Without albums: the one of this name, made if missing"
            ),
        ),
        has_host_functions=True,
    ),
    Method(
        "assetAddTags",
        "Add Tags",
        "Give tags",
        _object(
            "tags",
            tags=_value("string", "Tags", "The tags", array=True, uiHint={"type": "TagId"}),
        ),
        has_host_functions=True,
    ),
)
KEYS = {method.key: method for method in METHODS}


def _to_album(name: str) -> TemplateStep:
    return TemplateStep(f"{NAME}#assetAddToAlbums", {"albumName": name, "albumIds": []})


TEMPLATES = (
    Template(
        "screenshots-smart-album",
        "Archive screenshots",
        "Screenshots leave the timeline for the archive and an album",
        "AssetCreate",
        (
            TemplateStep(
                f"{NAME}#assetFileFilter",
                {"pattern": "screenshot", "matchType": "contains", "caseSensitive": False},
            ),
            TemplateStep(f"{NAME}#assetArchive", {"inverse": False}),
            _to_album("Screenshots"),
        ),
    ),
    Template(
        "missing-timezone-smart-album",
        "Missing timezone",
        "An album of all that was taken in no known time zone",
        "AssetMetadataExtraction",
        (TemplateStep(f"{NAME}#assetMissingTimeZoneFilter", {}), _to_album("Missing time zone")),
    ),
    Template(
        "location-smart-album",
        "Location-based album",
        "An album of all that was taken in one place",
        "AssetMetadataExtraction",
        (
            TemplateStep(
                f"{NAME}#assetLocationFilter", {"region": {"city": "Vienna", "country": "Austria"}}
            ),
            _to_album("Vienna"),
        ),
    ),
)
