"""What every handler finds in the application."""

from __future__ import annotations

from dataclasses import dataclass
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


CONTEXT = web.AppKey("CONTEXT", Context)
