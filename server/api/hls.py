"""/assets/{id}/video/stream: films that are made over while they are watched.

Whoever may look at the film may watch it, and is asked for that again with each segment. A session
belongs to the user, or the shared link, that began it.
"""

from __future__ import annotations

import asyncio
import re
from fractions import Fraction
from typing import NamedTuple
from uuid import UUID

from aiohttp import web
from yarl import URL

from server.byte_responses import file_response
from server.endpoint import Call, endpoint
from server.segments import NEWS
from server.wire import playlists
from sql import Connection
from storage import paths, streams
from sync import access
from sync.errors import Invalid, Missing, NoAccess
from sync.film_variants import (
    Outline,
    Variant,
    count_segments,
    list_starts,
    list_variants,
    segment_at,
)
from sync.operations import video_streams
from sync.operations.video_streams import Film, Stream

FOLDER = "/assets/{id}/video/stream"
SESSION = f"{FOLDER}/{{sessionId}}"
PLAYLIST = "application/vnd.apple.mpegurl"
NOT_FOUND = "Not Found"
NOT_READY = "Asset not found or metadata not yet ready for streaming"
TOO_BUSY = "The server is too busy to make this film over"
WAIT_SECONDS = 20.0  # web players wait for thirty
CREDENTIALS = ("key", "slug", "apiKey", "sessionKey")
SEGMENT = re.compile(r"seg_([0-9]{1,7})\.m4s")
NUMBER = re.compile(r"[0-9]{1,7}")
POSITION = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


class _Watched(NamedTuple):
    """A session, and the form of its film that is asked for."""

    stream: Stream
    outline: Outline
    variants: dict[int, Variant]
    variant: Variant


@endpoint("GET", f"{FOLDER}/main.m3u8", auth="link", permission="asset.view")
async def get_main_playlist(call: Call) -> web.StreamResponse:
    """Begin to watch: all forms in which the film can be had."""
    asset_id, settings = call.ids["id"], call.context.config.ffmpeg.realtime
    async with call.context.database.read() as connection:
        await access.require_assets(connection, call.actor, [asset_id], "asset.view")
        if not settings.enabled:
            raise Invalid("Real-time transcoding is not enabled")
        film = await video_streams.find_film(connection, asset_id)
        if film is None or not film.is_video:
            raise Missing("Asset metadata is not yet ready for streaming")
        stream_id = await video_streams.begin(connection, call.actor, asset_id)
    outline = film.outline or await _await_outline(call, stream_id)
    variants = list_variants(outline, settings)
    if not variants:
        raise Missing("No supported variants for this video")
    return _playlist(playlists.show_main(stream_id, outline, variants, _query(call)), "no-store")


@endpoint("GET", f"{SESSION}/{{variantIndex}}/playlist.m3u8", auth="link", permission="asset.view")
async def get_media_playlist(call: Call) -> web.StreamResponse:
    """One form, segment by segment; who is about to watch it need not wait for the first."""
    async with call.context.database.read() as connection:
        await access.require_assets(connection, call.actor, [call.ids["id"]], "asset.view")
        watched = await _find(connection, call)
        if watched is None:
            raise Missing(NOT_READY)
        # Hours have thousands: other requests are not to wait for that.
        starts = await asyncio.to_thread(list_starts, watched.outline, watched.variant)
        if watched.stream.variant != watched.variant.number:
            place = watched.variant.number, _next_segment(call, watched, starts)
            await video_streams.want(
                connection, call.actor, call.ids["id"], call.ids["sessionId"], place
            )
    seconds, query = watched.outline.seconds, _query(call)
    text = await asyncio.to_thread(playlists.show_variant, starts, seconds, query)
    return _playlist(text, "private, no-cache")


@endpoint("GET", f"{SESSION}/{{variantIndex}}/{{filename}}", auth="link", permission="asset.view")
async def get_segment(call: Call) -> web.StreamResponse:
    """Made now, if it was not made before. One answer, whatever the reason why not."""
    asset_id, stream_id = call.ids["id"], call.ids["sessionId"]
    async with call.context.database.read() as connection:
        try:
            await access.require_assets(connection, call.actor, [asset_id], "asset.view")
        except NoAccess as error:
            raise Missing(NOT_FOUND) from error
        watched = await _find(connection, call)
        if watched is None:
            raise Missing(NOT_FOUND)
        key, segment = _name(call, watched)
        place = watched.variant.number, segment
        problem = await video_streams.want(connection, call.actor, asset_id, stream_id, place)
    if problem:
        raise Missing(problem)
    path = paths.resolve(call.context.root, key)

    async def look() -> bool | None:
        if await asyncio.to_thread(path.exists):
            return True
        stream = await _look_at(call)
        if stream.variant != watched.variant.number:
            return False
        return None

    if not await call.request.app[NEWS].wait(str(stream_id), look, WAIT_SECONDS):
        raise web.HTTPServiceUnavailable(reason=TOO_BUSY)
    return await file_response(call.request, path, media_type="video/mp4", missing=NOT_FOUND)


@endpoint("DELETE", SESSION, auth="link", permission="asset.view", status=204)
async def end_session(call: Call) -> None:
    """What is not there has ended."""
    async with call.context.database.read() as connection:
        await access.require_assets(connection, call.actor, [call.ids["id"]], "asset.view")
        await video_streams.end(connection, call.actor, call.ids["id"], call.ids["sessionId"])


async def _await_outline(call: Call, stream_id: UUID) -> Outline:
    """A worker looks at the film for the first time."""
    asset_id = call.ids["id"]

    async def look() -> Film | None:
        async with call.context.database.read() as connection:
            film = await video_streams.find_film(connection, asset_id)
            stream = await video_streams.find(connection, call.actor, asset_id, stream_id)
        if stream is None or film is None:
            raise Missing(NOT_READY)
        if stream.error:
            raise Missing(stream.error)
        return film if film.outline else None

    film = await call.request.app[NEWS].wait(str(stream_id), look, WAIT_SECONDS)
    if film is None or film.outline is None:
        raise web.HTTPServiceUnavailable(reason=TOO_BUSY)
    return film.outline


async def _find(connection: Connection, call: Call) -> _Watched | None:
    """None for what cannot be watched, whatever the reason."""
    settings = call.context.config.ffmpeg.realtime
    number = call.request.match_info["variantIndex"]
    if not settings.enabled or not NUMBER.fullmatch(number):
        return None
    asset_id, stream_id = call.ids["id"], call.ids["sessionId"]
    stream = await video_streams.find(connection, call.actor, asset_id, stream_id)
    film = await video_streams.find_film(connection, asset_id)
    if stream is None or film is None or film.outline is None:
        return None
    variants = {one.number: one for one in list_variants(film.outline, settings)}
    if int(number) not in variants:
        return None
    return _Watched(stream, film.outline, variants, variants[int(number)])


async def _look_at(call: Call) -> Stream:
    """What became of the session meanwhile."""
    async with call.context.database.read() as connection:
        stream = await video_streams.find(
            connection, call.actor, call.ids["id"], call.ids["sessionId"]
        )
    if stream is None:
        raise Missing(NOT_FOUND)
    if stream.error:
        raise Missing(stream.error)
    return stream


def _name(call: Call, watched: _Watched) -> tuple[str, int]:
    """The key of the file that is asked for, and the segment to be made for it."""
    name, stream_id = call.request.match_info["filename"], call.ids["sessionId"]
    count = count_segments(watched.outline, watched.variant)
    if name == streams.INIT:
        # It has no number. Players may say which segment comes next, having others already.
        told = call.request.headers.get("x-immich-hls-msn", "")
        starts = list_starts(watched.outline, watched.variant)
        number = int(told) if NUMBER.fullmatch(told) else _next_segment(call, watched, starts)
        return streams.init_key(stream_id, watched.variant.number), min(number, count - 1)
    found = SEGMENT.fullmatch(name)
    if found is None or int(found[1]) >= count:
        raise Missing(NOT_FOUND)
    number = int(found[1])
    return streams.segment_key(stream_id, watched.variant.number, number), number


def _next_segment(call: Call, watched: _Watched, starts: list[Fraction]) -> int:
    """Where whoever changes to this form goes on: by what their player says, or by what it asked
    for last."""
    told = call.request.headers.get("x-immich-hls-pos", "")
    if POSITION.fullmatch(told):
        return segment_at(starts, float(told))
    before, segment = watched.stream.variant, watched.stream.segment
    if before is None or segment is None or before not in watched.variants:
        return 0
    if before == watched.variant.number:
        return segment
    others = list_starts(watched.outline, watched.variants[before])
    after = min(segment + 1, len(others) - 1)
    return segment_at(starts, others[after])


def _query(call: Call) -> str:
    """Credentials that came with the address: players do not add them to those below it."""
    given = [(name, call.request.query[name]) for name in CREDENTIALS if name in call.request.query]
    return f"?{URL.build(query=given).raw_query_string}" if given else ""


def _playlist(text: str, cache_control: str) -> web.Response:
    headers = {"Cache-Control": cache_control}
    return web.Response(text=text, content_type=PLAYLIST, headers=headers)
