"""/admin/integrity: what rows and files say of each other, and what is done about it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Literal
from uuid import UUID

from aiohttp import web
from msgspec import Meta

from server.body import Body, parse_id
from server.byte_responses import file_response
from server.endpoint import Call, endpoint
from server.integrity import act_on
from server.wire import Json
from server.wire.integrity import TYPES, csv_head, csv_lines, show_reports, show_summary
from sql import reads
from storage import paths
from sync.errors import Invalid, NoAccess

PAGE_MAX = 5000
FIRST = UUID(int=0)


class ReportQuery(Body):
    type: Literal["untracked_file", "missing_file", "checksum_mismatch"]
    cursor: str | None = None
    limit: Annotated[int, Meta(ge=1, le=2**53 - 1)] = 500


@endpoint("GET", "/admin/integrity/summary", auth="admin", permission="maintenance")
async def get_integrity_report_summary(call: Call) -> Json:
    async with call.context.database.read() as connection:
        return show_summary(await reads.integrity.count_reports(connection))


@endpoint(
    "GET", "/admin/integrity/report", auth="admin", permission="maintenance", query=ReportQuery
)
async def get_integrity_report(call: Call) -> Json:
    query = call.query
    after = parse_id(query.cursor, "cursor") if query.cursor else FIRST
    limit = min(query.limit, PAGE_MAX)
    async with call.context.database.read() as connection:
        rows = await reads.integrity.list_reports(
            connection, type=query.type, after=after, limit=limit + 1
        )
    return show_reports(rows[:limit], is_last=len(rows) <= limit)


@endpoint("GET", "/admin/integrity/report/{type}/csv", auth="admin", permission="maintenance")
async def get_integrity_report_csv(call: Call) -> web.StreamResponse:
    type_ = call.request.match_info["type"]
    if type_ not in TYPES:
        raise Invalid("Invalid report type")
    response = web.StreamResponse(
        headers={
            "Content-Type": "application/octet-stream",
            "Content-Disposition": f'attachment; filename="{type_}.csv"',
            "Cache-Control": "private, no-cache, no-transform",
        }
    )
    await response.prepare(call.request)
    await response.write(csv_head())
    after = FIRST
    while True:
        async with call.context.database.read() as connection:
            rows = await reads.integrity.list_reports(
                connection, type=type_, after=after, limit=PAGE_MAX
            )
        if not rows:
            return response
        await response.write(csv_lines(rows))
        after = rows[-1]["id"]


@endpoint(
    "GET",
    "/admin/integrity/report/{id}/file",
    auth="admin",
    permission="maintenance",
    is_file=True,
)
async def get_integrity_report_file(call: Call) -> web.StreamResponse:
    async with call.context.database.read() as connection:
        report = await reads.integrity.get_report(connection, report_id=call.ids["id"])
    if report is None:
        raise NoAccess("maintenance")
    return await file_response(
        call.request,
        paths.resolve(call.context.root, report["key"]),
        media_type="application/octet-stream",
        missing="Not Found",
        file_name=PurePosixPath(report["key"]).name,
        cache_control="private, no-cache, no-transform",
    )


@endpoint("DELETE", "/admin/integrity/report/{id}", auth="admin", permission="maintenance")
async def delete_integrity_report(call: Call) -> web.Response:
    await act_on(call.context, call.actor, call.ids["id"])
    return web.Response(status=200)
