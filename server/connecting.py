"""How commands find the database of a data folder, and say why they cannot go on."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import typer

from sql import Database, Disconnected
from sql.dump import DumpFailed
from sql.embedded import NotStarted, Postgres, find_running
from sql.migrate import migrate
from sync.errors import Refused

Result = TypeVar("Result")


def root() -> Path:
    return Path(os.environ.get("HELIOGRAPH_DATA", "data")).resolve()


def find_address() -> str | None:
    return os.environ.get("DATABASE_URL") or find_running(root() / "postgres")


def require_address() -> str:
    address = find_address()
    if address is None:
        fail(f"Nothing serves {root()}: start `heliograph serve`, or set DATABASE_URL")
    return address


@asynccontextmanager
async def database() -> AsyncIterator[Database]:
    async with Database(require_address(), connections_max=2) as opened:
        yield opened


@contextmanager
def awake() -> Iterator[None]:
    """The database of a server that is stopped runs as long as this."""
    folder = root() / "postgres"
    if find_address() is not None or not (folder / "cluster").exists():
        yield
        return
    try:
        with Postgres(folder) as address:
            migrate(address)
            yield
    except NotStarted as problem:
        fail(str(problem))


def run(work: Coroutine[Any, Any, Result]) -> Result:
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except (Refused, DumpFailed) as problem:
        fail(str(problem))
    except Disconnected as problem:
        fail(f"The database does not answer: {problem}")


def fail(message: str) -> NoReturn:
    print(f"heliograph: {message}", file=sys.stderr)
    raise typer.Exit(1)
