"""/workflows: what is done to assets when something happens to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from server import body
from server.body import Body, Id, InvalidBody, Issue, Moment
from server.endpoint import Call, endpoint
from server.wire import Json
from server.wire.workflows import show_log, show_shared, show_workflow
from sql import Connection, reads
from sync import plugins, steps
from sync.errors import NoAccess
from sync.operations import workflows
from sync.operations.workflows import LOGS_MAX, TRIGGERS, Result, Step, Trigger

STEPS_MAX = 100


class StepBody(Body):
    method: str
    config: dict[str, Any] | None
    enabled: bool = True


Steps = Annotated[list[StepBody], Meta(max_length=STEPS_MAX)]


class WorkflowSearch(Body):
    id: Id | None = None
    name: str | None = None
    description: str | None = None
    enabled: bool | None = None
    logging: bool | None = None
    trigger: Trigger | None = None


class WorkflowCreate(Body):
    trigger: Trigger
    name: str | None = None
    description: str | None = None
    enabled: bool = True
    logging: bool = False
    steps: Steps = []  # noqa: RUF012 - msgspec copies it


class WorkflowUpdate(Body):
    trigger: Trigger | UnsetType = UNSET
    name: str | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET
    logging: bool | UnsetType = UNSET
    steps: Steps | UnsetType = UNSET


class LogSearch(Body):
    before: Moment | None = None
    limit: Annotated[int, Meta(ge=1)] = LOGS_MAX
    result: Result | None = None


@endpoint("GET", "/workflows", permission="workflow.read", query=WorkflowSearch)
async def search_workflows(call: Call) -> Json:
    asked = call.query
    async with call.context.database.read() as connection:
        rows = await reads.workflows.list_workflows(
            connection,
            owner_id=call.actor.user_id,
            workflow_id=asked.id,
            trigger=asked.trigger,
            name=asked.name,
            description=asked.description,
            is_enabled=asked.enabled,
            is_logging=asked.logging,
        )
    return [show_workflow(row) for row in rows]


@endpoint("POST", "/workflows", permission="workflow.create", body=WorkflowCreate, status=201)
async def create_workflow(call: Call) -> Json:
    asked = call.body
    wanted = _read_steps(asked.steps)
    async with call.context.database.write() as tx:
        workflow_id = await workflows.create_workflow(
            tx,
            call.actor,
            asked.trigger,
            name=asked.name,
            description=asked.description,
            is_enabled=asked.enabled,
            is_logging=asked.logging,
            wanted=wanted,
        )
    return await _show(call, workflow_id, "workflow.create")


@endpoint("GET", "/workflows/triggers")
async def get_workflow_triggers(call: Call) -> Json:
    return [{"trigger": name, "types": list(plugins.TYPES)} for name in TRIGGERS.values()]


@endpoint("GET", "/workflows/{id}", permission="workflow.read")
async def get_workflow(call: Call) -> Json:
    return await _show(call, call.ids["id"], "workflow.read")


@endpoint(
    "PUT",
    "/workflows/{id}",
    permission="workflow.update",
    body=WorkflowUpdate,
    aliases=("PATCH",),
)
async def update_workflow(call: Call) -> Json:
    asked = call.body
    changes = {
        "trigger": asked.trigger,
        "name": asked.name,
        "description": asked.description,
        "is_enabled": asked.enabled,
        "is_logging": asked.logging,
    }
    wanted = None if asked.steps is UNSET else _read_steps(asked.steps)
    async with call.context.database.write() as tx:
        await workflows.update_workflow(
            tx,
            call.actor,
            call.ids["id"],
            wanted=wanted,
            **{name: value for name, value in changes.items() if value is not UNSET},
        )
    return await _show(call, call.ids["id"], "workflow.update")


@endpoint("DELETE", "/workflows/{id}", permission="workflow.delete")
async def delete_workflow(call: Call) -> None:
    async with call.context.database.write() as tx:
        await workflows.delete_workflow(tx, call.actor, call.ids["id"])


@endpoint("GET", "/workflows/{id}/logs", permission="workflow.logs", query=LogSearch)
async def get_workflow_logs(call: Call) -> Json:
    asked = call.query
    async with call.context.database.read() as connection:
        await _get(connection, call, call.ids["id"], "workflow.logs")
        rows = await reads.workflows.list_logs(
            connection,
            workflow_id=call.ids["id"],
            before=asked.before,
            result=asked.result,
            limit=min(asked.limit, LOGS_MAX),
        )
    return [show_log(row) for row in rows]


@endpoint("GET", "/workflows/{id}/share", permission="workflow.read")
async def get_workflow_for_share(call: Call) -> Json:
    async with call.context.database.read() as connection:
        return show_shared(await _get(connection, call, call.ids["id"], "workflow.read"))


async def _show(call: Call, workflow_id: UUID, permission: str) -> Json:
    async with call.context.database.read() as connection:
        return show_workflow(await _get(connection, call, workflow_id, permission))


async def _get(
    connection: Connection, call: Call, workflow_id: UUID, permission: str
) -> reads.workflows.list_workflows_row:
    rows = await reads.workflows.list_workflows(
        connection,
        owner_id=call.actor.user_id,
        workflow_id=workflow_id,
        trigger=None,
        name=None,
        description=None,
        is_enabled=None,
        is_logging=None,
    )
    if not rows:
        raise NoAccess(permission)
    return rows[0]


def _read_steps(asked: Sequence[StepBody]) -> list[Step]:
    """Each config is checked as its method says, so that all that is wrong is told at once."""
    issues: list[Issue] = []
    for number, step in enumerate(asked):
        config = steps.CONFIGS[steps.name_of(step.method)]
        try:
            body.convert(step.config or {}, config)
        except InvalidBody as error:
            path = ["steps", number, "config"]
            issues += [{**issue, "path": [*path, *issue["path"]]} for issue in error.issues]
    if issues:
        raise InvalidBody(issues)
    return [Step(step.method, step.config, step.enabled) for step in asked]
