"""Do what workflows say, as soon as the log says that something happened to an asset."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from aiohttp import web

from server.context import CONTEXT
from sync import topics, worker
from sync.operations import workflows
from sync.worker import Job, Record


async def run_beside(app: web.Application) -> AsyncIterator[None]:
    """Run them while the application runs."""
    consumers = {topics.WORKFLOW.name: run_triggered}
    working = asyncio.create_task(worker.run(app[CONTEXT].database, consumers))
    yield
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def run_triggered(job: Job) -> Record:
    """All is done as it is recorded: there is nothing to compute before."""
    return partial(
        workflows.run_workflows,
        owner_id=job.scope,
        asset_id=job.entity_id,
        trigger=workflows.TRIGGERS[job.topic],
    )
