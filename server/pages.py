"""What is served outside /api."""

from __future__ import annotations

from aiohttp import web

from server.context import Context


def routes(context: Context) -> list[web.RouteDef]:
    return []
