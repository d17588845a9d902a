"""/people: who is seen in a user's pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from uuid import UUID

from aiohttp import web
from msgspec import UNSET, Meta, UnsetType

from server.body import Body, Id, InvalidBody
from server.bulk import IDS_MAX, BulkIds, Ids, show_results
from server.byte_responses import file_response
from server.endpoint import Call, endpoint
from server.wire import Json
from server.wire.people import show_people, show_person
from sql import Connection, reads
from storage import inspection, media_types, paths
from sync import access, preferences
from sync.errors import Invalid, Missing, NoAccess
from sync.operations import assets, people, person_thumbnails

MINIMUM_FACES: int = preferences.DEFAULTS["people"]["minimumFaces"]
PAGE_MAX = 2**53 - 1
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
AHEAD = timedelta(hours=14)  # of Greenwich, where a day begins first
CACHE = "private, no-cache, no-transform"  # It is asked for by a name that stays.

Color = Annotated[
    str, Meta(pattern=r"^#?([0-9A-Fa-f]{3}|[0-9A-Fa-f]{4}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})\Z")
]


class PeopleFilter(Body):
    with_hidden: bool = False
    # Nearness needs the vectors of faces: until there are any, the order is the usual one.
    closest_asset_id: Id | None = None
    closest_person_id: Id | None = None
    page: Annotated[int, Meta(ge=1, le=PAGE_MAX)] = 1
    size: Annotated[int, Meta(ge=1, le=1000)] = 500


class PersonCreate(Body, kw_only=True):
    name: str | UnsetType = UNSET
    birth_date: str | UnsetType | None = UNSET
    is_hidden: bool | UnsetType = UNSET
    is_favorite: bool | UnsetType = UNSET
    color: Color | UnsetType | None = UNSET


class PersonUpdate(PersonCreate, kw_only=True):
    feature_face_asset_id: Id | UnsetType = UNSET


class PeopleUpdateItem(PersonUpdate, kw_only=True):
    id: Id


class PeopleUpdate(Body):
    people: Annotated[list[PeopleUpdateItem], Meta(max_length=IDS_MAX)]


class PersonMerge(Body):
    ids: Ids


class FacesOf(Body):
    asset_id: Id
    person_id: Id


class FacesReassign(Body):
    data: Annotated[list[FacesOf], Meta(max_length=IDS_MAX)]


@endpoint("GET", "/people", permission="person.read", query=PeopleFilter)
async def get_all_people(call: Call) -> Json:
    asked = call.query
    async with call.context.database.read() as connection:
        if asked.closest_person_id:
            await _require_face(connection, call, asked.closest_person_id)
        row = await reads.people.list_people(
            connection,
            owner_id=call.actor.user_id,
            with_hidden=asked.with_hidden,
            minimum_faces=MINIMUM_FACES,
            offset=min((asked.page - 1) * asked.size, PAGE_MAX),
            limit=asked.size,
        )
    return show_people(row, size=asked.size)


@endpoint("POST", "/people", permission="person.create", body=PersonCreate, status=201)
async def create_person(call: Call) -> Json:
    async with call.context.database.write() as tx:
        person_id = await people.create_person(tx, call.actor, **_details(call.body))
    return await _show(call, person_id, "person.read")


@endpoint("PUT", "/people", permission="person.update", body=PeopleUpdate)
async def update_people(call: Call) -> Json:
    """Of who comes twice, what was said last counts."""
    changes: dict[UUID, people.Changes] = {}
    for number, item in enumerate(call.body.people):
        changes.setdefault(item.id, {}).update(_changes(item, ("people", number)))
    done: set[UUID] = set()
    for ids in assets.shares(list(changes)):
        async with call.context.database.write() as tx:
            done |= await people.update_people(tx, call.actor, {id_: changes[id_] for id_ in ids})
    return [
        {"id": item.id, "success": True}
        if item.id in done
        else {"id": item.id, "success": False, "error": "unknown"}
        for item in call.body.people
    ]


@endpoint("DELETE", "/people", permission="person.delete", body=BulkIds)
async def delete_people(call: Call) -> None:
    ids = list(dict.fromkeys(call.body.ids))
    await _require(call, ids, "person.delete")
    await _delete(call, ids)


@endpoint("POST", "/people/merge", permission="person.merge", body=PersonMerge)
async def merge_people(call: Call) -> Json:
    """All into the first of them that is the actor's."""
    return await _merge(call, call.body.ids)


@endpoint("GET", "/people/{id}", permission="person.read")
async def get_person(call: Call) -> Json:
    return await _show(call, call.ids["id"], "person.read")


@endpoint("PUT", "/people/{id}", permission="person.update", body=PersonUpdate, aliases=("PATCH",))
async def update_person(call: Call) -> Json:
    person_id, changes = call.ids["id"], _changes(call.body)
    async with call.context.database.write() as tx:
        await people.update_person(tx, call.actor, person_id, **changes)
    return await _show(call, person_id, "person.update")


@endpoint("DELETE", "/people/{id}", permission="person.delete")
async def delete_person(call: Call) -> None:
    await _require(call, [call.ids["id"]], "person.delete")
    await _delete(call, [call.ids["id"]])


@endpoint("POST", "/people/{id}/merge", permission="person.merge", body=PersonMerge)
async def merge_person_legacy(call: Call) -> Json:
    await _require(call, [call.ids["id"]], "person.merge")
    return await _merge(call, [call.ids["id"], *call.body.ids])


@endpoint("PUT", "/people/{id}/reassign", permission="person.reassign", body=FacesReassign)
async def reassign_faces(call: Call) -> Json:
    person_id = call.ids["id"]
    await _require(call, [person_id], "person.update")
    for share in assets.shares(call.body.data):
        async with call.context.database.write() as tx:
            await people.reassign_faces(
                tx, call.actor, person_id, [(one.asset_id, one.person_id) for one in share]
            )
    shown = await _show(call, person_id, "person.update")
    return [shown for _ in call.body.data]


@endpoint("GET", "/people/{id}/statistics", permission="person.statistics")
async def get_person_statistics(call: Call) -> Json:
    await _require(call, [call.ids["id"]], "person.read")
    async with call.context.database.read() as connection:
        count = await reads.people.count_pictures(connection, person_id=call.ids["id"])
    return {"assets": count}


@endpoint("GET", "/people/{id}/thumbnail", permission="person.read", is_file=True)
async def get_person_thumbnail(call: Call) -> web.StreamResponse:
    person_id = call.ids["id"]
    async with call.context.database.read() as connection:
        await access.require_people(connection, call.actor, [person_id], "person.read")
        row = await reads.people.get_thumbnail(connection, person_id=person_id)
    key = row and row["thumbnail_key"]
    if not row or not key or (row["visibility"] == "locked" and not call.actor.is_elevated):
        raise Missing("Not Found")
    try:
        return await file_response(
            call.request,
            paths.resolve(call.context.root, key),
            media_type=media_types.mime_type(key),
            missing="Not Found",
            cache_control=CACHE,
            is_whole=inspection.is_whole,
        )
    except Missing:
        async with call.context.database.write() as tx:
            await person_thumbnails.renew(tx, person_id, key)
        raise


async def _require(call: Call, person_ids: list[UUID], permission: str) -> None:
    async with call.context.database.read() as connection:
        await access.require_people(connection, call.actor, person_ids, permission)


async def _require_face(connection: Connection, call: Call, person_id: UUID) -> None:
    own = await access.list_allowed_people(connection, call.actor, [person_id])
    rows = await reads.people.get_people(connection, person_ids=list(own))
    if not rows or rows[0]["face_id"] is None:
        raise Missing("Person not found")


async def _show(call: Call, person_id: UUID, permission: str) -> Json:
    async with call.context.database.read() as connection:
        await access.require_people(connection, call.actor, [person_id], permission)
        rows = await reads.people.get_people(connection, person_ids=[person_id])
    if not rows:
        raise NoAccess(permission)
    return show_person(rows[0])


async def _merge(call: Call, ids: list[UUID]) -> Json:
    if len(ids) < 2:
        raise Invalid("At least two people are required for merging")
    if len(set(ids)) < len(ids):
        raise Invalid("Cannot merge a person into themselves")
    async with call.context.database.read() as connection:
        allowed = await access.list_allowed_people(connection, call.actor, ids)
    own = [id_ for id_ in ids if id_ in allowed]
    merged: set[UUID] = set()
    for share in assets.shares(own[1:]):
        await _hand_over(call, share, own[0])
        async with call.context.database.write() as tx:
            merged |= await people.merge_people(tx, call.actor, own[0], share)
    return show_results([id_ for id_ in ids if id_ not in own[:1]], merged, error="no_permission")


async def _delete(call: Call, ids: list[UUID]) -> None:
    for share in assets.shares(ids):
        await _hand_over(call, share, None)
        async with call.context.database.write() as tx:
            await people.delete_people(tx, call.actor, share)


async def _hand_over(call: Call, former_ids: Sequence[UUID], person_id: UUID | None) -> None:
    """Leave no more faces to people who are to go than one transaction may change."""
    is_more = True
    while is_more:
        async with call.context.database.write() as tx:
            is_more = await people.hand_over_faces(tx, call.actor, former_ids, person_id)


def _details(body: PersonCreate, path: tuple[str | int, ...] = ()) -> people.Details:
    details: people.Details = {}
    if body.name is not UNSET:
        details["name"] = body.name
    if body.birth_date is not UNSET:
        details["birth_date"] = _read_day(body.birth_date, (*path, "birthDate"))
    if body.is_hidden is not UNSET:
        details["is_hidden"] = body.is_hidden
    if body.is_favorite is not UNSET:
        details["is_favorite"] = body.is_favorite
    if body.color is not UNSET:
        details["color"] = f"#{body.color.removeprefix('#')}" if body.color else None
    return details


def _changes(body: PersonUpdate, path: tuple[str | int, ...] = ()) -> people.Changes:
    details = _details(body, path)
    if body.feature_face_asset_id is UNSET:
        return people.Changes(**details)  # type: ignore[typeddict-item]
    return {**details, "featured_asset_id": body.feature_face_asset_id}


def _read_day(text: str | None, path: tuple[str | int, ...]) -> date | None:
    """A day that has begun, at least somewhere."""
    if text is None:
        return None
    try:
        day = date.fromisoformat(text) if DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        raise _wrong(path, "Invalid ISO date", code="invalid_format", format="date")
    if day > (datetime.now(UTC) + AHEAD).date():
        raise _wrong(path, "Birth date cannot be in the future", code="custom")
    return day


def _wrong(path: tuple[str | int, ...], message: str, **more: str) -> InvalidBody:
    return InvalidBody([{**more, "path": list(path), "message": message}])
