"""What every handler finds in the application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from sql import Database
from sync.config import Config

VERSION = (3, 2, 2)  # of the contract that is served


@dataclass(slots=True)
class Context:
    database: Database
    root: Path  # the data folder
    web_root: Path | None  # a built web client, if there is one
    config: Config  # in force now; replaced when it changes
    heed: Callable[[Config], object] = lambda _: None  # told of the settings, whenever they change
    releases_url: str | None = None  # where to ask for newer releases; None: nowhere
    restart: asyncio.Event = field(default_factory=asyncio.Event)  # into another mode, or out

    def adopt(self, config: Config) -> None:
        """Have these settings in force."""
        self.config = config
        self.heed(config)


CONTEXT = web.AppKey("CONTEXT", Context)
