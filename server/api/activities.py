"""/activities: comments and likes in albums."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from server.body import Body, Id, InvalidBody
from server.endpoint import Call, endpoint
from server.wire import Json
from server.wire.albums import show_activity
from sql import reads
from sync import access
from sync.operations import activities

Reaction = Literal["comment", "like"]


class ActivityOf(Body):
    album_id: Id
    asset_id: Id | None = None


class ActivityFilter(ActivityOf):
    level: Literal["album", "asset"] | None = None
    type: Reaction | None = None
    user_id: Id | None = None


class ActivityCreate(ActivityOf, kw_only=True):
    type: Reaction
    comment: Annotated[str, Meta(min_length=1)] | None = None


@endpoint("GET", "/activities", permission="activity.read", query=ActivityFilter)
async def get_activities(call: Call) -> Json:
    asked = call.query
    is_about_album = asked.level == "album"
    async with call.context.database.read() as connection:
        await access.require_albums(connection, call.actor, [asked.album_id], "album.read")
        rows = await reads.activities.list_activities(
            connection,
            album_id=asked.album_id,
            activity_id=None,
            asset_id=None if is_about_album else asked.asset_id,
            is_about_album=is_about_album,
            user_id=asked.user_id,
            is_like=None if asked.type is None else asked.type == "like",
        )
    return [show_activity(row) for row in rows]


@endpoint("GET", "/activities/statistics", permission="activity.statistics", query=ActivityOf)
async def get_activity_statistics(call: Call) -> Json:
    asked = call.query
    async with call.context.database.read() as connection:
        await access.require_albums(connection, call.actor, [asked.album_id], "album.read")
        counts = await reads.activities.count_activities(
            connection, album_id=asked.album_id, asset_id=asked.asset_id
        )
    return dict(counts)


@endpoint("POST", "/activities", permission="activity.create", body=ActivityCreate, status=201)
async def create_activity(call: Call) -> Json:
    """Of what was liked already, the like there is."""
    asked = call.body
    if (asked.type == "comment") != (asked.comment is not None):
        expected = "required" if asked.type == "comment" else "not allowed for a like"
        raise InvalidBody(
            [{"code": "custom", "path": ["comment"], "message": f"Comment is {expected}"}]
        )
    async with call.context.database.write() as tx:
        activity_id = await activities.create_activity(
            tx, call.actor, asked.album_id, asset_id=asked.asset_id, comment=asked.comment
        )
    return await _show(call, asked.album_id, activity_id)


@endpoint("DELETE", "/activities/{id}", permission="activity.delete")
async def delete_activity(call: Call) -> None:
    async with call.context.database.write() as tx:
        await activities.delete_activity(tx, call.actor, call.ids["id"])


async def _show(call: Call, album_id: UUID, activity_id: UUID) -> Json:
    async with call.context.database.read() as connection:
        (row,) = await reads.activities.list_activities(
            connection,
            album_id=album_id,
            activity_id=activity_id,
            asset_id=None,
            is_about_album=False,
            user_id=None,
            is_like=None,
        )
    return show_activity(row)
