"""Where photos were taken: /map, and /search/places."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from server.body import Body, Moment
from server.endpoint import Call, endpoint
from server.wire import Json
from server.wire.albums import show_marker
from sql import reads


class MarkerFilter(Body):
    is_archived: bool = False
    is_favorite: bool | None = None
    file_created_after: Moment | None = None
    file_created_before: Moment | None = None
    with_partners: bool = False
    with_shared_albums: bool = False


class Spot(Body):
    lat: Annotated[float, Meta(ge=-90, le=90)]
    lon: Annotated[float, Meta(ge=-180, le=180)]


class PlaceSearch(Body):
    name: Annotated[str, Meta(min_length=1)]


@endpoint("GET", "/map/markers", permission="map.read", query=MarkerFilter)
async def get_map_markers(call: Call) -> Json:
    asked = call.query
    async with call.context.database.read() as connection:
        rows = await reads.places.list_markers(
            connection,
            user_id=call.actor.user_id,
            visibilities=["timeline", "archive"] if asked.is_archived else ["timeline"],
            is_favorite=asked.is_favorite,
            taken_after=asked.file_created_after,
            taken_before=asked.file_created_before,
            with_partners=asked.with_partners,
            with_albums=asked.with_shared_albums,
        )
    return [show_marker(row) for row in rows]


@endpoint("GET", "/map/reverse-geocode", permission="map.search", query=Spot)
async def reverse_geocode(call: Call) -> Json:
    """At most one answer; none in the middle of an ocean."""
    async with call.context.database.read() as connection:
        row = await reads.places.find_place(
            connection, latitude=call.query.lat, longitude=call.query.lon
        )
    return [dict(row)] if row else []


@endpoint("GET", "/search/places", permission="asset.read", query=PlaceSearch)
async def search_places(call: Call) -> Json:
    async with call.context.database.read() as connection:
        rows = await reads.places.search_places(connection, name=call.query.name)
    return [
        {
            "name": row["name"],
            "latitude": row["latitude"],
            "longitude": row["longitude"],
            "admin1name": row["state"],
            "admin2name": row["county"],
        }
        for row in rows
    ]
