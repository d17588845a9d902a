"""What the contract does not know: how each device's copy is, and whether it is right."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from server.body import Body, Email, Id
from server.endpoint import Call, endpoint
from server.wire import Json, iso, iso_or_none
from sql import reads
from sync import doctor
from sync.doctor import Copy, Digest, Unfit
from sync.errors import Forbidden


class SyncStateQuery(Body):
    user: Email | UnsetType = UNSET
    session: Id | UnsetType = UNSET


class SyncDigest(Body):
    count: Annotated[int, Meta(ge=0)]
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]


class SyncCompare(Body):
    kinds: dict[str, SyncDigest]


@endpoint("GET", "/admin/sync", auth="admin", query=SyncStateQuery, is_ours=True)
async def get_sync_state(call: Call) -> Json:
    """Every device, or those of one user, or one."""
    async with call.context.database.snapshot() as connection:
        email = None if call.query.user is UNSET else call.query.user
        session_id = None if call.query.session is UNSET else call.query.session
        head = await reads.log.head(connection)
        copies = await doctor.list_copies(connection, email=email, session_id=session_id)
        unfit = {
            user_id: await doctor.list_unfit(connection, user_id)
            for user_id in {copy.user_id for copy in copies}
        }
    return {
        "epoch": str(head["epoch"]),
        "position": head["pos"],
        "floor": head["floor"],
        "sessions": [_show(copy, unfit[copy.user_id]) for copy in copies],
    }


@endpoint("POST", "/sync/compare", body=SyncCompare, is_ours=True)
async def compare_sync(call: Call) -> Json:
    """What a device counted in its copy, against what it should hold by its last whole stream."""
    if call.actor.session_id is None:
        raise Forbidden("Sync endpoints cannot be used with API keys")
    report = {name: Digest(one.count, one.digest) for name, one in call.body.kinds.items()}
    async with call.context.database.snapshot() as connection:
        compared = await doctor.compare(
            connection, call.actor.user_id, call.actor.session_id, report
        )
    return {
        "kinds": {
            name: {"isEqual": theirs == ours, "count": ours.rows, "digest": ours.digest}
            for name, (theirs, ours) in compared.items()
        }
    }


def _show(copy: Copy, unfit: list[Unfit]) -> dict[str, Any]:
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
    }
