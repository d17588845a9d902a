"""Stacks: assets that one of them, the first, stands for.

A stack and its members change in one transaction: an app hides a member whose stack it lacks.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sql import Transaction, reads, writes
from sync import access, log
from sync.actor import Actor
from sync.errors import Invalid, NoAccess


async def create_stack(tx: Transaction, actor: Actor, asset_ids: Sequence[UUID]) -> UUID:
    """Stack two assets or more; the first stands for them.

    What stood for another stack brings all of it along; else it only leaves that stack.
    """
    if len(set(asset_ids)) < 2:
        raise Invalid("A stack needs at least two assets")
    await _lock(tx, actor, asset_ids, "asset.update")
    former = await reads.stacks.list_stacks_of(tx, asset_ids=list(asset_ids))
    led = [row["id"] for row in former if row["is_led"]]
    brought = await reads.stacks.list_members(tx, stack_ids=led)
    moving = {*asset_ids, *(row["id"] for row in brought)}

    await writes.stacks.move_assets(tx, asset_ids=list(moving), stack_id=None)
    await _settle(tx, actor.user_id, [row["id"] for row in former])
    stack = await writes.stacks.insert_stack(
        tx, owner_id=actor.user_id, primary_asset_id=asset_ids[0]
    )
    await _move(tx, actor.user_id, moving, stack["id"])
    await _stage(tx, "stack.created", actor.user_id, [stack["id"]])
    return stack["id"]


async def update_stack(
    tx: Transaction, actor: Actor, stack_id: UUID, primary_asset_id: UUID
) -> None:
    """Let another member stand for the stack."""
    await _lock(tx, actor, [primary_asset_id], "stack.update")
    await _require_member(
        tx, actor, stack_id, primary_asset_id, "Primary asset must be in the stack"
    )
    await writes.stacks.set_primary(tx, stack_id=stack_id, primary_asset_id=primary_asset_id)
    await _stage(tx, "stack.updated", actor.user_id, [stack_id])


async def remove_asset_from_stack(
    tx: Transaction, actor: Actor, stack_id: UUID, asset_id: UUID
) -> None:
    """Take out a member that does not stand for it. One alone is no stack any more."""
    await _lock(tx, actor, [asset_id], "stack.update")
    stack = await _require_member(tx, actor, stack_id, asset_id, "Asset not in stack")
    if stack["primary_asset_id"] == asset_id:
        raise Invalid("Cannot remove stack's primary asset")
    await _move(tx, actor.user_id, [asset_id], None)
    await writes.stacks.touch_stack(tx, stack_id=stack_id)
    await _stage(tx, "stack.updated", actor.user_id, [stack_id])
    await _settle(tx, actor.user_id, [stack_id])


async def delete_stack(tx: Transaction, actor: Actor, stack_id: UUID) -> None:
    await delete_stacks(tx, actor, [stack_id])


async def delete_stacks(tx: Transaction, actor: Actor, stack_ids: Sequence[UUID]) -> None:
    """Up to a thousand; their members stay, each by itself."""
    await access.hold_library(tx, actor.user_id)
    members = await reads.stacks.list_members(tx, stack_ids=list(stack_ids))
    ids = [row["id"] for row in members]
    await writes.assets.lock_assets(tx, asset_ids=ids, owner_id=actor.user_id)
    held = await writes.stacks.lock_stacks(tx, stack_ids=list(stack_ids), owner_id=actor.user_id)
    if len(held) != len(set(stack_ids)):
        raise NoAccess("stack.delete")
    await _move(tx, actor.user_id, ids, None)
    await _settle(tx, actor.user_id, stack_ids)


async def forget_assets(tx: Transaction, owner_id: UUID, asset_ids: Sequence[UUID]) -> None:
    """Assets go, and are locked with all in their stacks: others take their places."""
    left = await reads.stacks.list_stacks_of(tx, asset_ids=list(asset_ids))
    if left:
        await writes.stacks.move_assets(tx, asset_ids=list(asset_ids), stack_id=None)
        await _settle(tx, owner_id, [row["id"] for row in left])


async def follow_first(tx: Transaction, owner_id: UUID, asset_ids: Sequence[UUID]) -> None:
    """Assets, which are locked, may be seen by others than before: so may what they stand for."""
    led = await writes.stacks.lock_led(tx, asset_ids=list(asset_ids))
    await log.stage(tx, "stack.updated", owner_id, [row["id"] for row in led])


async def _settle(tx: Transaction, owner_id: UUID, stack_ids: Sequence[UUID]) -> None:
    """Stacks that assets left: those of one or none end, those without a first get one."""
    if not stack_ids:
        return
    ids = list(stack_ids)
    freed = await writes.stacks.free_lonely(tx, stack_ids=ids)
    ended = await writes.stacks.delete_empty(tx, stack_ids=ids)
    promoted = await writes.stacks.promote_next(tx, stack_ids=ids)
    await _stage_assets(tx, owner_id, [row["id"] for row in freed])
    await _stage(tx, "stack.deleted", owner_id, [row["id"] for row in ended])
    await _stage(tx, "stack.updated", owner_id, [row["id"] for row in promoted])


async def _move(
    tx: Transaction, owner_id: UUID, asset_ids: Sequence[UUID] | set[UUID], stack_id: UUID | None
) -> None:
    moved = await writes.stacks.move_assets(tx, asset_ids=list(asset_ids), stack_id=stack_id)
    await _stage_assets(tx, owner_id, [row["id"] for row in moved])


async def _lock(tx: Transaction, actor: Actor, asset_ids: Sequence[UUID], permission: str) -> None:
    """Hold the actor's assets, and all in one stack with them."""
    await access.hold_library(tx, actor.user_id)
    await writes.assets.lock_around(tx, asset_ids=list(asset_ids), owner_id=actor.user_id)
    await access.lock_assets(tx, actor, asset_ids, permission)


async def _lock_stack(
    tx: Transaction, actor: Actor, stack_id: UUID, permission: str
) -> writes.stacks.lock_stack_row:
    stack = await writes.stacks.lock_stack(tx, stack_id=stack_id, owner_id=actor.user_id)
    if stack is None:
        raise NoAccess(permission)
    return stack


async def _require_member(
    tx: Transaction, actor: Actor, stack_id: UUID, asset_id: UUID, message: str
) -> writes.stacks.lock_stack_row:
    stack = await _lock_stack(tx, actor, stack_id, "stack.update")
    members = await reads.stacks.list_members(tx, stack_ids=[stack_id])
    if all(row["id"] != asset_id for row in members):
        raise Invalid(message)
    return stack


async def _stage_assets(tx: Transaction, owner_id: UUID, asset_ids: Sequence[UUID]) -> None:
    """Each asset's line names its stack."""
    await log.stage(tx, "asset.updated", owner_id, asset_ids, audience=[owner_id], is_told=False)


async def _stage(tx: Transaction, topic: str, owner_id: UUID, stack_ids: Sequence[UUID]) -> None:
    await log.stage(tx, topic, owner_id, stack_ids, audience=[owner_id])
