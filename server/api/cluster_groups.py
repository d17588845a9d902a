"""/cluster-groups: users who share the people in their pictures."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from server.body import Body, Id
from server.endpoint import Call, endpoint, json_response
from server.wire import Json, accounts, iso
from sql import reads
from sync import access
from sync.errors import Invalid
from sync.operations import cluster_groups

NO_RECOGNITION = "Facial recognition is not available on this server"


class ClusterGroupRequestCreate(Body):
    user_id: Id


@endpoint("GET", "/cluster-groups/requests", permission="clusterGroupRequest.read")
async def get_cluster_group_requests(call: Call) -> Json:
    """Groups that ask for whoever asks."""
    async with call.context.database.read() as connection:
        rows = await reads.cluster_groups.list_requests(
            connection, user_id=call.actor.user_id, cluster_group_id=None
        )
    return [_show(row) for row in rows]


@endpoint("GET", "/cluster-groups/{id}/requests", permission="clusterGroupRequest.read")
async def get_cluster_group_requests_for_group(call: Call) -> Json:
    group_id = call.ids["id"]
    async with call.context.database.read() as connection:
        await access.require_cluster_group(connection, call.actor, group_id, "clusterGroup.read")
        rows = await reads.cluster_groups.list_requests(
            connection, user_id=None, cluster_group_id=group_id
        )
    return [_show(row) for row in rows]


@endpoint("GET", "/cluster-groups/{id}/users", permission="clusterGroup.read")
async def get_cluster_group_users(call: Call) -> Json:
    group_id = call.ids["id"]
    async with call.context.database.read() as connection:
        await access.require_cluster_group(connection, call.actor, group_id, "clusterGroup.read")
        rows = await reads.cluster_groups.list_members(
            connection, cluster_group_id=group_id, user_id=call.actor.user_id
        )
    return [accounts.show_user(row) for row in rows]


@endpoint(
    "PUT",
    "/cluster-groups/{id}/requests",
    permission="clusterGroupRequest.create",
    body=ClusterGroupRequestCreate,
)
async def create_cluster_group_request(call: Call) -> web.Response:
    """201 when it is new."""
    group_id, user_id = call.ids["id"], call.body.user_id
    async with call.context.database.write() as tx:
        is_new = await cluster_groups.ask_user(tx, call.actor, group_id, user_id)
        row = await reads.cluster_groups.find_request(
            tx, cluster_group_id=group_id, user_id=user_id
        )
    if row is None:
        raise Invalid("Request not found")
    return json_response(_show(row), status=201 if is_new else 200)


@endpoint("DELETE", "/cluster-groups/requests/{id}", permission="clusterGroupRequest.delete")
async def delete_cluster_group_request(call: Call) -> None:
    async with call.context.database.write() as tx:
        await cluster_groups.delete_request(tx, call.actor, call.ids["id"])


@endpoint("POST", "/cluster-groups/requests/{id}/accept", permission="clusterGroupRequest.create")
async def accept_cluster_group_request(call: Call) -> None:
    async with call.context.database.write() as tx:
        await cluster_groups.accept_request(tx, call.actor, call.ids["id"])


@endpoint("POST", "/cluster-groups/{id}/leave", permission="clusterGroup.leave")
async def leave_cluster_group(call: Call) -> None:
    async with call.context.database.write() as tx:
        await cluster_groups.leave_group(tx, call.actor, call.ids["id"])


@endpoint("POST", "/cluster-groups/{id}/regenerate-people", permission="clusterGroup.read")
async def cluster_group_regenerate_people(call: Call) -> None:
    """Refused, rather than promised and not done, as long as nothing here recognises faces."""
    async with call.context.database.read() as connection:
        await access.require_cluster_group(
            connection, call.actor, call.ids["id"], "clusterGroup.read"
        )
    raise Invalid(NO_RECOGNITION)


def _show(row: reads.cluster_groups.list_requests_row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "clusterGroupId": row["cluster_group_id"],
        "userId": row["user_id"],
        "createdAt": iso(row["created_at"]),
    }
