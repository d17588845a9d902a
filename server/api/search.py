"""/search: assets by what is known of them, people by name, and what there is to search by."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from server.assets import show_assets
from server.body import Body
from server.endpoint import Call, endpoint
from server.search_body import (
    LargeAssetSearch,
    MetadataSearch,
    RandomSearch,
    SmartSearch,
    StatisticsSearch,
)
from server.searches import is_new, read_cursor, read_order, read_search, write_cursor
from server.wire import Json
from server.wire.assets import show_asset
from server.wire.people import show_person
from sql import Connection, filters, reads
from sql.conditions import Condition
from sql.filters import Order, Search
from sync import access
from sync.errors import Invalid

SUGGESTED = {
    "country": "country",
    "state": "state",
    "city": "city",
    "camera-make": "make",
    "camera-model": "model",
    "camera-lens-model": "lensModel",
}
# What narrows what is suggested.
NARROWING = {
    "state": ("country",),
    "city": ("country", "state"),
    "make": ("model", "lensModel"),
    "model": ("make", "lensModel"),
    "lensModel": ("make", "model"),
}


IN_TIMELINE = (Condition("visibility", "eq", "timeline"), Condition("trashedAt", "eq", None))


class PersonSearch(Body, kw_only=True):
    name: str
    with_hidden: bool = False


class Suggestions(Body, kw_only=True):
    type: Literal["country", "state", "city", "camera-make", "camera-model", "camera-lens-model"]
    country: str | UnsetType = UNSET
    state: str | UnsetType = UNSET
    make: str | UnsetType = UNSET
    model: str | UnsetType = UNSET
    lens_model: str | UnsetType = UNSET
    include_null: bool = False


@endpoint("POST", "/search/metadata", auth="link", permission="asset.read", body=MetadataSearch)
async def search_assets(call: Call) -> Json:
    asked, order = call.body, read_order(call.body)
    search = read_search(asked, call.actor)
    after = None if asked.cursor is UNSET else read_cursor(asked.cursor, order)
    page = 1 if asked.page is UNSET else asked.page
    async with call.context.database.read() as connection:
        found = await filters.find_assets(
            connection,
            await _admit(connection, call, search),
            order,
            limit=asked.size + 1,
            offset=(page - 1) * asked.size,
            after=after,
            with_exif=asked.with_exif,
            with_people=asked.with_people,
        )
    shown, has_more = found[: asked.size], len(found) > asked.size
    return _show_results(
        [show_asset(row, call.actor) for row in shown],
        next_page=str(page + 1) if has_more and not is_new(asked) else None,
        next_cursor=write_cursor(order, shown[-1]) if has_more and is_new(asked) else None,
    )


@endpoint("POST", "/search/statistics", permission="asset.statistics", body=StatisticsSearch)
async def search_asset_statistics(call: Call) -> Json:
    search = read_search(call.body, call.actor)
    async with call.context.database.read() as connection:
        search = await _admit(connection, call, search)
        return {"total": await filters.count_assets(connection, search)}


@endpoint("POST", "/search/random", permission="asset.read", body=RandomSearch)
async def search_random(call: Call) -> Json:
    search = read_search(call.body, call.actor)
    async with call.context.database.read() as connection:
        search = await _admit(connection, call, search)
        ids = await filters.pick_assets(connection, search, limit=call.body.size)
        shown = await show_assets(
            connection,
            call.actor,
            ids,
            with_exif=call.body.with_exif,
            with_people=call.body.with_people,
        )
    return list(shown.values())


@endpoint("POST", "/search/large-assets", permission="asset.read", query=LargeAssetSearch)
async def search_large_assets(call: Call) -> Json:
    order = Order("fileSizeInBytes")
    search = read_search(call.query, call.actor)
    async with call.context.database.read() as connection:
        search = await _admit(connection, call, search)
        found = await filters.find_assets(
            connection, search, order, limit=call.query.size, with_exif=True
        )
    return [show_asset(row, call.actor) for row in found]


@endpoint("POST", "/search/smart", permission="asset.read", body=SmartSearch)
async def search_smart(call: Call) -> Json:
    read_search(call.body, call.actor)
    raise Invalid("Smart search is not enabled")


@endpoint("GET", "/search/person", permission="person.read", query=PersonSearch)
async def search_person(call: Call) -> Json:
    async with call.context.database.read() as connection:
        rows = await reads.search.find_people(
            connection,
            owner_id=call.actor.user_id,
            name=call.query.name,
            with_hidden=call.query.with_hidden,
        )
    return [show_person(row) for row in rows]


@endpoint("GET", "/search/suggestions", permission="asset.read", query=Suggestions)
async def get_search_suggestions(call: Call) -> Json:
    asked, field = call.query, SUGGESTED[call.query.type]
    given = {"lensModel": asked.lens_model} | {
        name: getattr(asked, name) for name in ("country", "state", "make", "model")
    }
    narrowed = [
        Condition(name, "eq", given[name]) for name in NARROWING.get(field, ()) if given[name]
    ]
    async with call.context.database.read() as connection:
        owners = await _list_owners(connection, call)
        if narrowed:
            conditions = [*IN_TIMELINE, Condition(field, "ne", ""), *narrowed]
            search = Search(owners[0], conditions, partner_ids=owners[1:])
            found = await filters.list_values(connection, search, field)
        else:
            found = await filters.list_shown_values(connection, owners, field)
    return [*found, None] if asked.include_null else found


@endpoint("GET", "/search/explore", permission="asset.read")
async def get_explore_data(call: Call) -> Json:
    async with call.context.database.read() as connection:
        owner_id = call.actor.user_id
        cities = await reads.search.list_main_cities(connection, owner_id=owner_id)
        newcomers = await reads.search.list_newcomers(connection, owner_id=owner_id)
        ids = [row["id"] for row in [*cities, *newcomers]]
        assets = await show_assets(connection, call.actor, ids, with_exif=True)
    return [
        {
            "fieldName": field,
            "items": [
                {"value": row["value"], "data": assets[row["id"]]}
                for row in rows
                if row["id"] in assets
            ],
        }
        for field, rows in (("exifInfo.city", cities), ("createdAt", newcomers))
    ]


@endpoint("GET", "/search/cities", permission="asset.read")
async def get_assets_by_city(call: Call) -> Json:
    async with call.context.database.read() as connection:
        owners = await _list_owners(connection, call)
        rows = await reads.search.list_cities(connection, owner_ids=owners)
        ids = [row["id"] for row in rows]
        return list((await show_assets(connection, call.actor, ids, with_exif=True)).values())


async def _admit(connection: Connection, call: Call, search: Search) -> Search:
    """The same, if the actor may; among their own assets and what partners show them."""
    album_ids = {
        id_
        for branch in (search.conditions, *search.either)
        for field, _, ids in branch
        if field == "albumIds"
        for id_ in ids
    }
    if album_ids:
        await access.require_albums(connection, call.actor, album_ids, "album.read")
    if search.is_in_albums:
        return search
    owners = await _list_owners(connection, call)
    return replace(search, partner_ids=owners[1:])


async def _list_owners(connection: Connection, call: Call) -> list[UUID]:
    """Whose assets are in the actor's timeline, their own first."""
    user_id = call.actor.user_id
    rows = await reads.search.list_timeline_partners(connection, user_id=user_id)
    return [user_id, *(row["shared_by_id"] for row in rows)]


def _show_results(
    items: list[msgspec.Raw], *, next_page: str | None, next_cursor: str | None
) -> Json:
    """SearchResponseDto. Albums are not searched, but the contract has them."""
    return {
        "albums": {"total": 0, "count": 0, "items": [], "facets": []},
        "assets": {
            "total": len(items),
            "count": len(items),
            "items": items,
            "facets": [],
            "nextPage": next_page,
            "nextCursor": next_cursor,
        },
    }
