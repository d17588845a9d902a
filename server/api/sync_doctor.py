"""What the contract does not know: how each device's copy is, and whether it is right."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from server.body import Body, Email, Id
from server.endpoint import Call, endpoint
from server.sync_report import SyncCompare
from server.wire import Json, iso, iso_or_none
from sql import reads
from sync import doctor, fitness
from sync.doctor import Copy
from sync.errors import Forbidden
from sync.fitness import Held, Unfit


class SyncStateQuery(Body):
    user: Email | UnsetType = UNSET
    session: Id | UnsetType = UNSET


@endpoint("GET", "/admin/sync", auth="admin", query=SyncStateQuery, is_ours=True)
async def get_sync_state(call: Call) -> Json:
    """Every device, or those of one user, or one."""
    async with call.context.database.snapshot() as connection:
        email = None if call.query.user is UNSET else call.query.user
        session_id = None if call.query.session is UNSET else call.query.session
        head = await reads.log.head(connection)
        copies = await doctor.list_copies(connection, email=email, session_id=session_id)
        user_ids = {copy.user_id for copy in copies}
        unfit = {one: await fitness.list_unfit(connection, one) for one in user_ids}
        held = {one: await fitness.list_held(connection, one) for one in user_ids}
    return {
        "epoch": str(head["epoch"]),
        "position": head["pos"],
        "floor": head["floor"],
        "sessions": [_show(copy, unfit[copy.user_id], held[copy.user_id]) for copy in copies],
    }


@endpoint("POST", "/sync/compare", body=SyncCompare, is_ours=True)
async def compare_sync(call: Call) -> Json:
    """What a device counted in its copy, against what it should hold by its last whole stream."""
    if call.actor.session_id is None:
        raise Forbidden("Sync endpoints cannot be used with API keys")
    async with call.context.database.snapshot() as connection:
        compared = await doctor.compare(
            connection, call.actor.user_id, call.actor.session_id, call.body.digests()
        )
    return {
        "kinds": {
            name: {"isEqual": theirs == ours, "count": ours.rows, "digest": ours.digest}
            for name, (theirs, ours) in compared.items()
        }
    }


def _show(copy: Copy, unfit: list[Unfit], held: list[Held]) -> dict[str, Any]:
    return {
        "id": str(copy.session_id),
        "userId": str(copy.user_id),
        "email": copy.email,
        "device": copy.device,
        "appVersion": copy.app_version,
        "seenAt": iso(copy.seen_at),
        "isPendingSyncReset": copy.is_pending_reset,
        "cursors": copy.cursors,
        "behindEntries": copy.behind_entries,
        "behindSeconds": copy.behind_seconds,
        "lastStream": copy.streamed_at
        and {
            "at": iso_or_none(copy.streamed_at),
            "lines": copy.lines,
            "bytes": copy.bytes,
            "seconds": copy.seconds,
            "isComplete": copy.problem is None,
            "problem": copy.problem,
        },
        "unfit": [{"kind": one.kind, "id": str(one.key), "reason": one.reason} for one in unfit],
        "quarantined": [
            {
                "kind": one.kind,
                "id": str(one.key),
                "fields": one.fields,
                "reason": one.reason,
                "at": iso(one.noticed_at),
            }
            for one in held
        ],
    }
