"""/timeline: what there is of each month, and one month of it."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import Any, Literal

from aiohttp import web

from server.body import Body, Id, InvalidBody
from server.endpoint import Call, endpoint
from sql import Connection, reads
from sync import timelines
from sync.errors import Forbidden, Invalid

# Kept by who asked, and asked about again each time: it may have changed.
CACHE = "private, no-cache"
BOX_SIDES = ("west", "south", "east", "north")
PICKS = ("album_id", "person_id", "tag_id", "south")  # what narrows a library


class TimeBuckets(Body, kw_only=True):
    album_id: Id | None = None
    bbox: str | None = None
    is_favorite: bool | None = None
    is_trashed: bool = False
    key: str | None = None
    order: Literal["asc", "desc"] = "desc"
    order_by: Literal["takenAt", "createdAt"] = "takenAt"
    person_id: Id | None = None
    slug: str | None = None
    tag_id: Id | None = None
    user_id: Id | None = None
    visibility: Literal["archive", "timeline", "hidden", "locked"] | None = None
    with_coordinates: bool = False
    with_partners: bool = False
    with_stacked: bool = False


class TimeBucket(TimeBuckets, kw_only=True):
    time_bucket: str


@endpoint("GET", "/timeline/buckets", auth="link", permission="asset.read", query=TimeBuckets)
async def get_time_buckets(call: Call) -> web.StreamResponse:
    filters = _filters(call)
    is_whole = all(filters[name] is None for name in PICKS)
    count = reads.timeline.count_library if is_whole else reads.timeline.count_picked
    async with call.context.database.read() as connection:
        await _require(connection, call, filters)
        buckets = await count(connection, **filters)
    return _answer(call, buckets)


@endpoint("GET", "/timeline/bucket", auth="link", permission="asset.read", query=TimeBucket)
async def get_time_bucket(call: Call) -> web.StreamResponse:
    filters, month = _filters(call), _read_month(call.query.time_bucket)
    async with call.context.database.read() as connection:
        await _require(connection, call, filters)
        assets = await reads.timeline.get_bucket(connection, **filters, month=month)
    return _answer(call, assets)


def _filters(call: Call) -> dict[str, Any]:
    """What the queries ask for; without the owner, whom only access tells."""
    asked: TimeBuckets = call.query
    link = call.actor.link
    has_metadata = link is None or link.is_metadata_shown
    box = _read_box(asked.bbox) if asked.bbox is not None else (None, None, None, None)
    return {
        # Through a link nothing is one's own.
        "viewer_id": None if link else call.actor.user_id,
        "album_id": asked.album_id,
        "person_id": asked.person_id,
        "tag_id": asked.tag_id,
        "is_favorite": asked.is_favorite,
        "is_trashed": asked.is_trashed,
        "visibilities": [asked.visibility] if asked.visibility else ["timeline", "archive"],
        "order_by": asked.order_by,
        "is_ascending": asked.order == "asc",
        "with_partners": asked.with_partners,
        "with_stacked": asked.with_stacked,
        "with_places": has_metadata,
        "with_coordinates": asked.with_coordinates and has_metadata,
        **dict(zip(BOX_SIDES, box, strict=True)),
    }


async def _require(connection: Connection, call: Call, filters: dict[str, Any]) -> None:
    """What is asked for may be shown; and whose it is."""
    asked: TimeBuckets = call.query
    filters["owner_id"] = await timelines.require_timeline(
        connection,
        call.actor,
        album_id=asked.album_id,
        owner_id=asked.user_id,
        visibility=asked.visibility,
    )
    if asked.tag_id:
        await timelines.require_tag(connection, call.actor, asked.tag_id)
    if asked.bbox is not None and not filters["with_places"]:
        raise Forbidden("Forbidden")  # What is found in ever smaller boxes is no secret any more.
    is_plain = asked.visibility in ("timeline", "hidden")
    if asked.with_partners and not (
        is_plain and asked.is_favorite is None and not asked.is_trashed
    ):
        raise Invalid(
            "withPartners is only supported for non-archived, non-trashed, non-favorited,"
            " non-locked assets"
        )


def _read_month(text: str) -> date:
    """The month of a date, which may have a time behind it, and a sign before it as it once did."""
    try:
        return date.fromisoformat(text.lstrip("+- ")[:10]).replace(day=1)
    except ValueError as error:
        raise _wrong(("timeBucket",), "timeBucket must be a date, such as 2024-01-01") from error


def _read_box(text: str) -> tuple[float, ...]:
    """West, south, east and north, in degrees."""
    parts = text.split(",")
    if len(parts) != 4:
        raise _wrong(("bbox",), "bbox must have 4 comma-separated numbers: west,south,east,north")
    try:
        sides = tuple(float(part) for part in parts)
    except ValueError as error:
        raise _wrong(("bbox",), "bbox parts must be valid numbers") from error
    for name, side, most in zip(BOX_SIDES, sides, (180, 90, 180, 90), strict=True):
        if not -most <= side <= most:
            raise _wrong(("bbox", name), f"Must be between -{most} and {most}")
    if sides[3] < sides[1]:
        message = "North latitude must be greater than or equal to south latitude"
        raise _wrong(("bbox", "north"), message)
    return sides


def _wrong(path: tuple[str, ...], message: str) -> InvalidBody:
    return InvalidBody([{"code": "custom", "path": list(path), "message": message}])


def _answer(call: Call, text: str) -> web.StreamResponse:
    """JSON as Postgres made it; nothing if the client has it."""
    data = text.encode()
    tag = sha256(data).hexdigest()
    headers = {"Cache-Control": CACHE, "ETag": f'"{tag}"'}
    if any(known.value in (tag, "*") for known in call.request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    return web.Response(body=data, content_type="application/json", headers=headers)
