"""/faces: where in a picture somebody is to be seen."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from msgspec import Meta

from server.body import Body, Id
from server.edited_boxes import find, get_edits, show
from server.endpoint import Call, endpoint
from server.wire import Json
from server.wire.people import show_face, show_person
from sql import reads
from sync import access
from sync.errors import NoAccess
from sync.operations import people
from sync.operations.people import Box

PIXELS_MAX = 2**30 - 1  # The sum of two is an integer that Postgres knows.

Place = Annotated[int, Meta(ge=-PIXELS_MAX, le=PIXELS_MAX)]
Size = Annotated[int, Meta(ge=1, le=PIXELS_MAX)]


class FacesFilter(Body):
    id: Id


class FaceCreate(Body):
    asset_id: Id
    person_id: Id
    image_width: Size
    image_height: Size
    x: Place
    y: Place
    width: Size
    height: Size


class Face(Body):
    id: Id


class FaceDelete(Body):
    force: bool


@endpoint("GET", "/faces", permission="face.read", query=FacesFilter)
async def get_faces(call: Call) -> Json:
    """Whoever sees an asset sees where faces are in it, and whose, if they are of their people."""
    asset_id = call.query.id
    async with call.context.database.read() as connection:
        await access.require_assets(connection, call.actor, [asset_id], "asset.read")
        rows = await reads.people.list_seen(
            connection, asset_id=asset_id, viewer_id=call.actor.user_id
        )
        edits = await get_edits(connection, asset_id)
    boxes = [show(people.box_of(row), edits) for row in rows]
    return [show_face(row, box) for row, box in zip(rows, boxes, strict=True) if box]


@endpoint("POST", "/faces", permission="face.create", body=FaceCreate, status=201)
async def create_face(call: Call) -> web.Response:
    asked = call.body
    box = Box(
        asked.image_width,
        asked.image_height,
        asked.x,
        asked.y,
        asked.x + asked.width,
        asked.y + asked.height,
    )
    async with call.context.database.write() as tx:
        drawn = find(box, await get_edits(tx, asked.asset_id))
        await people.create_face(tx, call.actor, asked.asset_id, asked.person_id, drawn)
    return web.Response(status=201)


@endpoint("PUT", "/faces/{id}", permission="face.update", body=Face)
async def reassign_faces_by_id(call: Call) -> Json:
    """The id in the path is the person's."""
    person_id = call.ids["id"]
    async with call.context.database.write() as tx:
        await people.reassign_face(tx, call.actor, call.body.id, person_id)
    async with call.context.database.read() as connection:
        rows = await reads.people.get_people(connection, person_ids=[person_id])
    if not rows:
        raise NoAccess("person.update")
    return show_person(rows[0])


@endpoint("DELETE", "/faces/{id}", permission="face.delete", body=FaceDelete)
async def delete_face(call: Call) -> None:
    async with call.context.database.write() as tx:
        await people.delete_face(tx, call.actor, call.ids["id"], force=call.body.force)
