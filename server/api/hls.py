"""/assets/{id}/video/stream: films made over while they are watched, which this server does not do.

`ffmpeg.realtime.enabled` cannot be set, clients do not ask where it is off, and who asks all the
same gets the answers of a server where it is off: there is no session, and none can be begun.
"""

from __future__ import annotations

from server.endpoint import Call, endpoint
from sync import access
from sync.errors import Invalid, Missing, NoAccess

SESSION = "/assets/{id}/video/stream/{sessionId}"


@endpoint("GET", "/assets/{id}/video/stream/main.m3u8", auth="link", permission="asset.view")
async def get_main_playlist(call: Call) -> None:
    await _require(call)
    raise Invalid("Real-time transcoding is not enabled")


@endpoint("GET", f"{SESSION}/{{variantIndex}}/playlist.m3u8", auth="link", permission="asset.view")
async def get_media_playlist(call: Call) -> None:
    await _require(call)
    raise Missing("Asset not found or metadata not yet ready for streaming")


@endpoint("GET", f"{SESSION}/{{variantIndex}}/{{filename}}", auth="link", permission="asset.view")
async def get_segment(call: Call) -> None:
    """One answer, whatever the reason."""
    try:
        await _require(call)
    except NoAccess as error:
        raise Missing("Not Found") from error
    raise Missing("Not Found")


@endpoint("DELETE", SESSION, auth="link", permission="asset.view", status=204)
async def end_session(call: Call) -> None:
    """What is not there has ended."""
    await _require(call)


async def _require(call: Call) -> None:
    async with call.context.database.read() as connection:
        await access.require_assets(connection, call.actor, [call.ids["id"]], "asset.view")
