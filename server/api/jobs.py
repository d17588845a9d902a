"""/jobs: queues as apps before 3.0 command them, and what can be done by hand."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from server import queues, timetable
from server.body import Body
from server.endpoint import Call, endpoint
from server.integrity import act_on_all
from server.wire import Json
from server.wire import jobs as wire
from sync.operations import jobs
from sync.operations.integrity import Type
from sync.queues import IMMICH

ManualJob = Literal[
    "person-cleanup", "tag-cleanup", "user-cleanup", "memory-cleanup", "memory-create",
    "backup-database", "integrity-missing-files", "integrity-untracked-files",
    "integrity-checksum-mismatch", "integrity-missing-files-refresh",
    "integrity-untracked-files-refresh", "integrity-checksum-mismatch-refresh",
    "integrity-missing-files-delete-all", "integrity-untracked-files-delete-all",
    "integrity-checksum-mismatch-delete-all",
]  # fmt: skip

DELETIONS: dict[str, Type] = {
    "integrity-missing-files-delete-all": "missing_file",
    "integrity-untracked-files-delete-all": "untracked_file",
    "integrity-checksum-mismatch-delete-all": "checksum_mismatch",
}


class QueueCommand(Body):
    command: Literal["start", "pause", "resume", "empty", "clear-failed"]
    force: bool | UnsetType = UNSET


class JobCreate(Body):
    name: ManualJob


@endpoint("GET", "/jobs", auth="admin", permission="job.read")
async def get_queues_legacy(call: Call) -> Json:
    state = await queues.read_state(call)
    return {name: wire.show_legacy_queue(name, *state) for name in IMMICH}


@endpoint("PUT", "/jobs/{name}", auth="admin", permission="job.create", body=QueueCommand)
async def run_queue_command_legacy(call: Call) -> Json:
    name = queues.parse_name(call)
    match call.body.command:
        case "start":
            await queues.start(call, name, is_forced=call.body.force is True)
        case "pause" | "resume":
            await queues.set_paused(call, name, is_paused=call.body.command == "pause")
        case "empty":
            await queues.drop(call, name, jobs.drop_waiting)
        case "clear-failed":
            await queues.drop(call, name, jobs.drop_failed)
    return wire.show_legacy_queue(name, *await queues.read_state(call))


@endpoint("POST", "/jobs", auth="admin", permission="job.create", body=JobCreate)
async def create_job(call: Call) -> None:
    """Answered when it is done."""
    async with call.context.database.write() as tx:
        await jobs.note_start(tx, call.actor, call.body.name)
    if report_type := DELETIONS.get(call.body.name):
        await act_on_all(call.context, call.actor, report_type)
    else:
        await timetable.BY_HAND[call.body.name](call.context)
