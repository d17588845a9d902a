"""Do what an administrator asks of a queue."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from server import backups, chores, timetable
from server.body import InvalidBody
from server.chores import Chore
from server.endpoint import Call
from sql import Transaction, reads
from sync import queues, worker
from sync.actor import Actor
from sync.errors import Invalid
from sync.operations import jobs

# What is done as a whole, and not of one asset after the other.
CHORES: dict[str, Chore] = {
    "backupDatabase": backups.back_up,
    "duplicateDetection": chores.group_identical,
}
NO_LEARNING = "there is no machine learning"
REASONS = {
    "faceDetection": NO_LEARNING,
    "facialRecognition": NO_LEARNING,
    "ocr": NO_LEARNING,
    "smartSearch": NO_LEARNING,
    "library": "external libraries are not scanned",
    "migration": "all files lie where they belong",
}


def parse_name(call: Call) -> str:
    """The queue in the path. Raises InvalidBody."""
    name = call.request.match_info["name"]
    if name not in queues.IMMICH:
        listed = "|".join(f'"{one}"' for one in queues.IMMICH)
        issue = {
            "code": "invalid_value",
            "path": ["name"],
            "message": f"Invalid option: expected one of {listed}",
            "values": list(queues.IMMICH),
        }
        raise InvalidBody([issue])
    return name


async def read_state(call: Call) -> tuple[list[reads.jobs.count_jobs_row], set[str]]:
    """What each queue holds, and which are paused."""
    async with call.context.database.read() as connection:
        counts = await reads.jobs.count_jobs(connection)
        paused = {row["name"] for row in await reads.jobs.list_paused(connection)}
    return counts, paused


async def set_paused(call: Call, name: str, *, is_paused: bool) -> None:
    if is_paused and name == "backgroundTask":
        raise Invalid("The BackgroundTask queue cannot be paused")
    async with call.context.database.write() as tx:
        await jobs.set_paused(tx, call.actor, name, is_paused=is_paused)
    await worker.announce(call.context.database)


async def drop(
    call: Call, name: str, some: Callable[[Transaction, Actor, str], Awaitable[int]]
) -> None:
    """All there are now, page by page: workers do not wait for a long transaction."""
    while True:
        async with call.context.database.write() as tx:
            if not await some(tx, call.actor, name):
                return


async def start(call: Call, name: str, *, is_forced: bool) -> None:
    """Have made what is missing, or everything. Raises Invalid."""
    if chore := CHORES.get(name):
        await _note_start(call, name)
        timetable.begin(call.request.app, chore)
        return
    requested = [queue for queue in queues.list_ours(name) if queue in jobs.REQUESTS]
    if not requested:
        why = REASONS.get(name, "its jobs begin by themselves, when something happens")
        raise Invalid(f"Nothing can be started here in the queue {name}: {why}")
    if name == "storageTemplateMigration" and not call.context.config.storage_template.enabled:
        raise Invalid("The storage template is not enabled")
    counts, _ = await read_state(call)
    if any(row["active"] for row in counts if row["queue"] in requested):
        raise Invalid("Job is already running")
    await _note_start(call, name)
    for queue in requested:
        after: UUID | None = UUID(int=0)
        while after is not None:
            async with call.context.database.write() as tx:
                after = await jobs.request(tx, queue, after, is_forced=is_forced)


async def _note_start(call: Call, name: str) -> None:
    async with call.context.database.write() as tx:
        await jobs.note_start(tx, call.actor, name)
