"""/duplicates: what is there twice or nearly, and which of it to keep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from server.assets import show_assets
from server.body import Body, Id
from server.bulk import BulkIds, Ids
from server.endpoint import Call, endpoint
from server.wire import Json
from server.wire.duplicates import show_group
from sql import reads
from sync.errors import NoAccess, Refused
from sync.operations import assets, duplicates

GROUPS_MAX = 65_000


class Group(Body):
    duplicate_id: Id
    keep_asset_ids: Ids
    trash_asset_ids: Ids


class DuplicateResolve(Body):
    groups: Annotated[list[Group], Meta(min_length=1, max_length=GROUPS_MAX)]


@endpoint("GET", "/duplicates", permission="duplicate.read")
async def get_asset_duplicates(call: Call) -> Json:
    async with call.context.database.read() as connection:
        groups = await reads.duplicates.list_groups(connection, owner_id=call.actor.user_id)
        ids = [id_ for group in groups for id_ in group["asset_ids"]]
        shown = await show_assets(connection, call.actor, ids, with_exif=True, with_tags=True)
    by_id = {id_: msgspec.json.decode(asset) for id_, asset in shown.items()}
    return [
        show_group(
            group["duplicate_id"], [by_id[id_] for id_ in group["asset_ids"] if id_ in by_id]
        )
        for group in groups
    ]


@endpoint("DELETE", "/duplicates", permission="duplicate.delete", body=BulkIds)
async def delete_duplicates(call: Call) -> None:
    """The groups; their assets stay."""
    duplicate_ids = sorted(set(call.body.ids))
    await _require(call, duplicate_ids)
    for share in assets.shares(duplicate_ids):
        async with call.context.database.write() as tx:
            await duplicates.dismiss_groups(tx, call.actor, share)


@endpoint("DELETE", "/duplicates/{id}", permission="duplicate.delete")
async def delete_duplicate(call: Call) -> None:
    async with call.context.database.write() as tx:
        await duplicates.dismiss_groups(tx, call.actor, [call.ids["id"]])


@endpoint("POST", "/duplicates/resolve", permission="duplicate.delete", body=DuplicateResolve)
async def resolve_duplicates(call: Call) -> Json:
    """Each group by itself: what is refused of one keeps none of the others."""
    await _require(call, [group.duplicate_id for group in call.body.groups])
    return [await _resolve(call, group) for group in call.body.groups]


async def _resolve(call: Call, group: Group) -> dict[str, Any]:
    """BulkIdResponseDto."""
    try:
        async with call.context.database.write() as tx:
            await duplicates.resolve_group(
                tx,
                call.actor,
                group.duplicate_id,
                keep_ids=group.keep_asset_ids,
                trash_ids=group.trash_asset_ids,
                is_final=not call.context.config.trash.enabled,
            )
    except NoAccess:
        return {"id": group.duplicate_id, "success": False, "error": "not_found"}
    except Refused as refused:
        return {
            "id": group.duplicate_id,
            "success": False,
            "error": "validation",
            "errorMessage": str(refused),
        }
    return {"id": group.duplicate_id, "success": True}


async def _require(call: Call, duplicate_ids: Sequence[UUID]) -> None:
    async with call.context.database.read() as connection:
        members = await reads.duplicates.list_members(
            connection, owner_id=call.actor.user_id, duplicate_ids=list(duplicate_ids)
        )
    if {row["duplicate_id"] for row in members} != set(duplicate_ids):
        raise NoAccess("duplicate.delete")
