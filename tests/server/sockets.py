"""Who is behind a socket, and how far it has heard."""

from __future__ import annotations

from uuid import UUID, uuid4

from sync.actor import Actor
from sync.operations import system


def actor(client) -> Actor:
    return Actor(UUID(client.user["id"]))


async def mark(database, *sockets) -> None:
    """Whatever was to be heard before this was heard."""
    async with database.write() as tx:
        await system.change_config(tx, {"server.loginPageMessage": uuid4().hex})
    for socket in sockets:
        assert await socket.next("on_config_update") == ()
