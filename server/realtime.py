"""The sockets: what the log says, told to whoever is listening."""

from __future__ import annotations

from aiohttp import web


def attach(app: web.Application) -> None:
    """Serve /api/socket.io beside the API."""
