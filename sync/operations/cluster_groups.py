"""Cluster groups: users who share the people in their pictures. Most are alone in theirs."""

from __future__ import annotations

from uuid import UUID, uuid4

from sql import Transaction, reads, writes
from sync import access, log
from sync.actor import Actor
from sync.errors import Invalid, NoAccess
from sync.operations import notifications
from sync.topics import EVERYONE


async def ask_user(tx: Transaction, actor: Actor, group_id: UUID, user_id: UUID) -> bool:
    """Ask somebody to join the actor's group; return whether they were not asked before."""
    await access.require_cluster_group(tx, actor, group_id, "clusterGroupRequest.create")
    if user_id == actor.user_id:
        raise Invalid("Cannot request to join your own cluster group")
    user = await reads.users.get_user(tx, user_id=user_id)
    if user is None or user["deleted_at"]:
        raise Invalid("User not found")
    row = await writes.cluster_groups.insert_request(tx, cluster_group_id=group_id, user_id=user_id)
    if row:
        asking = await reads.users.get_user(tx, user_id=actor.user_id)
        assert asking
        await notifications.create_notification(
            tx,
            user_id,
            "Cluster Group Request",
            type="ClusterGroupRequest",
            description=f"{asking['name']} asked you to join their cluster group",
            data={"clusterGroupId": str(group_id)},
        )
        await log.stage(
            tx,
            "cluster_group_request.created",
            user_id,
            [row["id"]],
            audience=[user_id],
            cluster_group_id=group_id,
            by=actor.user_id,
        )
    return row is not None


async def accept_request(tx: Transaction, actor: Actor, request_id: UUID) -> None:
    """Join the group that asked."""
    request = await _delete_request(tx, actor, request_id, by_members=False)
    if request is None:
        raise NoAccess("clusterGroupRequest.read")
    await _move(tx, actor, request["cluster_group_id"])


async def delete_request(tx: Transaction, actor: Actor, request_id: UUID) -> None:
    """Whoever was asked declines, or somebody of the group takes it back."""
    if await _delete_request(tx, actor, request_id, by_members=True) is None:
        raise NoAccess("clusterGroupRequest.delete")


async def leave_group(tx: Transaction, actor: Actor, group_id: UUID) -> None:
    """Be alone again."""
    await access.require_cluster_group(tx, actor, group_id, "clusterGroup.leave")
    if not await reads.cluster_groups.has_others(
        tx, cluster_group_id=group_id, user_id=actor.user_id
    ):
        raise Invalid("Cannot leave a cluster group without any other members")
    await _move(tx, actor, uuid4())


async def _delete_request(
    tx: Transaction, actor: Actor, request_id: UUID, *, by_members: bool
) -> writes.cluster_groups.delete_request_row | None:
    row = await writes.cluster_groups.delete_request(
        tx, request_id=request_id, user_id=actor.user_id, by_members=by_members
    )
    if row:
        await _stage_deletion(tx, row["user_id"], request_id)
    return row


async def _move(tx: Transaction, actor: Actor, group_id: UUID) -> None:
    """Out of one group and into another; nobody is asked into one that is left empty."""
    await writes.users.lock_user(tx, user_id=actor.user_id)
    user = await reads.users.get_user(tx, user_id=actor.user_id)
    await writes.cluster_groups.move_user(tx, user_id=actor.user_id, cluster_group_id=group_id)
    await log.stage(tx, "user.updated", actor.user_id, [actor.user_id], audience=[EVERYONE])
    former = user["cluster_group_id"] if user else group_id
    for row in await writes.cluster_groups.drop_requests(tx, cluster_group_id=former):
        await _stage_deletion(tx, row["user_id"], row["id"])


async def _stage_deletion(tx: Transaction, user_id: UUID, request_id: UUID) -> None:
    await log.stage(tx, "cluster_group_request.deleted", user_id, [request_id], audience=[user_id])
