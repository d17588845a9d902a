"""Do what workflows say, as soon as the log says that something happened to an asset."""

from __future__ import annotations

from functools import partial

from sync.operations import workflows
from sync.worker import Job, Record


async def run_triggered(job: Job) -> Record:
    """All is done as it is recorded: there is nothing to compute before."""
    return partial(
        workflows.run_workflows,
        owner_id=job.scope,
        asset_id=job.entity_id,
        trigger=workflows.TRIGGERS[job.topic],
    )
