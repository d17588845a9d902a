"""/queues: what waits to be done, what failed and why; pause it, or clear it."""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import UNSET, UnsetType

from server import queues
from server.body import Body
from server.endpoint import Call, endpoint
from server.wire import Json
from server.wire import jobs as wire
from sql import reads
from sync.operations import jobs
from sync.queues import IMMICH, list_ours

Status = Literal["active", "failed", "completed", "delayed", "waiting", "paused"]
JOBS_MAX = 1000


class QueueUpdate(Body):
    is_paused: bool | UnsetType = UNSET


class QueueDelete(Body):
    failed: bool | UnsetType = UNSET


class JobSearch(Body):
    status: list[Status] | UnsetType = UNSET


@endpoint("GET", "/queues", auth="admin", permission="queue.read")
async def get_queues(call: Call) -> Json:
    state = await queues.read_state(call)
    return [wire.show_queue(name, *state) for name in IMMICH]


@endpoint("GET", "/queues/{name}", auth="admin", permission="queue.read")
async def get_queue(call: Call) -> Json:
    return wire.show_queue(queues.parse_name(call), *await queues.read_state(call))


@endpoint("PUT", "/queues/{name}", auth="admin", permission="queue.update", body=QueueUpdate)
async def update_queue(call: Call) -> Json:
    name = queues.parse_name(call)
    if call.body.is_paused is not UNSET:
        await queues.set_paused(call, name, is_paused=call.body.is_paused)
    return wire.show_queue(name, *await queues.read_state(call))


@endpoint(
    "DELETE", "/queues/{name}/jobs", auth="admin", permission="queueJob.delete", body=QueueDelete
)
async def empty_queue(call: Call) -> None:
    name = queues.parse_name(call)
    await queues.drop(call, name, jobs.drop_waiting)
    if call.body.failed is True:
        await queues.drop(call, name, jobs.drop_failed)


@endpoint("GET", "/queues/{name}/jobs", auth="admin", permission="queueJob.read", query=JobSearch)
async def get_queue_jobs(call: Call) -> Json:
    """The oldest thousand; those that are done are forgotten."""
    name = queues.parse_name(call)
    wanted = set(get_args(Status) if call.query.status is UNSET else call.query.status)
    async with call.context.database.read() as connection:
        paused = {row["name"] for row in await reads.jobs.list_paused(connection)}
        if name in paused and "paused" in wanted:
            wanted.add("waiting")
        elif name in paused:
            wanted.discard("waiting")
        rows = await reads.jobs.list_jobs(
            connection, queues=list_ours(name), statuses=list(wanted), limit=JOBS_MAX
        )
    return wire.show_jobs(rows)
