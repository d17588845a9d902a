"""What goes on beside the handlers, for as long as the application runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from functools import partial
from typing import Any

from aiohttp import web

logger = logging.getLogger(__name__)

TASKS = web.AppKey("TASKS", set[asyncio.Task[None]])


def attach(app: web.Application) -> None:
    app[TASKS] = set[asyncio.Task[None]]()
    app.cleanup_ctx.append(_keep)


def begin(app: web.Application, work: Coroutine[Any, Any, None]) -> None:
    """Nobody waits for it, so what it fails with is logged. It is cut off when the application
    ends: what has to be done all the same is to be found again by somebody else."""
    task = asyncio.create_task(work)
    app[TASKS].add(task)
    task.add_done_callback(partial(_note_end, app))


async def _keep(app: web.Application) -> AsyncIterator[None]:
    yield
    tasks = app[TASKS].copy()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _note_end(app: web.Application, task: asyncio.Task[None]) -> None:
    app[TASKS].discard(task)
    if not task.cancelled() and (problem := task.exception()):
        logger.error("%s failed", task.get_coro(), exc_info=problem)
