"""/openapi.json: what this server takes and answers, for whoever writes to it."""

from __future__ import annotations

import asyncio
from hashlib import sha256

from aiohttp import web

from server import openapi
from server.endpoint import Call, endpoint


@endpoint("GET", "/openapi.json", auth="public", is_ours=True)
async def get_openapi(call: Call) -> web.Response:
    """This document."""
    data = await asyncio.to_thread(openapi.document)
    tag = sha256(data).hexdigest()
    headers = {"Cache-Control": "no-cache", "ETag": f'"{tag}"'}
    if any(known.value in (tag, "*") for known in call.request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    return web.Response(body=data, content_type="application/json", headers=headers)
