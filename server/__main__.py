"""Serve: python -m server, as the supervisor starts it, with its settings in the environment."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from pathlib import Path

import msgspec
from aiohttp import web

from server import app, maintenance, releases
from server.context import VERSION, Context
from sql import Database
from sync import config
from sync.operations import maintenance as operations
from sync.operations import system

SHUTDOWN_SECONDS = 2.0


class Settings(msgspec.Struct, frozen=True):
    """The environment, read once."""

    database_url: str
    host: str
    port: int
    root: Path
    web_root: Path | None
    releases_url: str | None

    @classmethod
    def read(cls) -> Settings:
        web_root = os.environ.get("HELIOGRAPH_WEB_ROOT")
        return cls(
            database_url=os.environ["DATABASE_URL"],
            host=os.environ.get("HELIOGRAPH_HOST", "127.0.0.1"),
            port=int(os.environ.get("HELIOGRAPH_PORT", "2283")),
            root=Path(os.environ.get("HELIOGRAPH_DATA", "data")).resolve(),
            web_root=Path(web_root).resolve() if web_root else None,
            releases_url=os.environ.get(releases.VARIABLE) or None,
        )


async def main(settings: Settings) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with Database(settings.database_url) as database:
        async with database.write() as tx:
            await system.note_version(tx, ".".join(map(str, VERSION)))
        port = settings.port
        while not stopping.is_set():
            port = await _serve(settings, database, port, stopping)


async def _serve(settings: Settings, database: Database, port: int, stopping: asyncio.Event) -> int:
    """In one mode, until it changes; return the port, which stays the same."""
    async with database.read() as connection:
        in_force = await config.load(connection)
        mode = await operations.find(connection)
    context = Context(
        database,
        settings.root,
        settings.web_root,
        in_force,
        heed=lambda settings: config.follow_logging(settings.logging),
        releases_url=settings.releases_url,
    )
    served = maintenance.build_app(context, mode) if mode else app.build_app(context)
    runner = web.AppRunner(served, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, settings.host, port, shutdown_timeout=SHUTDOWN_SECONDS)
    await site.start()
    host, port = runner.addresses[0][:2]
    print(f"{'maintenance' if mode else 'ready'} http://{host}:{port}", flush=True)
    ends = [asyncio.create_task(one.wait()) for one in (stopping, context.restart)]
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for end in ends:
        end.cancel()
    await runner.cleanup()
    return int(port)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    asyncio.run(main(Settings.read()))
