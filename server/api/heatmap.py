"""Calendar heatmaps: how much of a library is of each day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Literal
from uuid import UUID

from msgspec import field

from server.body import Body, InvalidBody
from server.endpoint import Call, endpoint
from server.wire import Json
from sql import reads
from sync.errors import Forbidden, Invalid

SPAN = timedelta(weeks=52) - timedelta(days=1)
DAYS_MAX = 200 * 366  # Each has a place in the answer.


class Heatmap(Body):
    from_: str | None = field(name="from", default=None)
    to: str | None = None
    type: Literal["Upload", "Taken"] = "Upload"


@endpoint("GET", "/users/me/calendar-heatmap", permission="user.read", query=Heatmap)
async def get_my_calendar_heatmap(call: Call) -> Json:
    return await _show(call, call.actor.user_id)


@endpoint("GET", "/admin/users/{id}/calendar-heatmap", permission="user.read", query=Heatmap)
async def get_user_calendar_heatmap_admin(call: Call) -> Json:
    user_id = call.ids["id"]
    # The contract lets everyone in, but when somebody takes pictures is their own affair.
    if user_id != call.actor.user_id and not call.actor.is_admin:
        raise Forbidden("Forbidden")
    async with call.context.database.read() as connection:
        if await reads.users.get_user(connection, user_id=user_id) is None:
            raise Invalid("User not found")
    return await _show(call, user_id)


async def _show(call: Call, owner_id: UUID) -> Json:
    """CalendarHeatmapResponseDto: every day from the first to the last, both among them."""
    asked: Heatmap = call.query
    last = _read_day("to", asked.to) or datetime.now(UTC).date()
    first = _read_day("from", asked.from_) or max(last, date.min + SPAN) - SPAN
    if first > last:
        raise _wrong("from", "from must be before to")
    if (last - first).days >= DAYS_MAX:
        raise _wrong("from", f"from must be at most {DAYS_MAX} days before to")
    async with call.context.database.read() as connection:
        rows = await reads.timeline.count_days(
            connection, owner_id=owner_id, type=asked.type, first=first, last=last
        )
    counts = {row["day"]: row["count"] for row in rows}
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return {
        "from": first.isoformat(),
        "to": last.isoformat(),
        "series": [{"date": day.isoformat(), "count": counts.get(day, 0)} for day in days],
        "totalCount": sum(counts.values()),
    }


def _read_day(name: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError as error:
        raise _wrong(name, "Invalid ISO date") from error


def _wrong(name: str, message: str) -> InvalidBody:
    return InvalidBody([{"code": "custom", "path": [name], "message": message}])
