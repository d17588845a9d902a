"""Build the web application, and what runs beside its handlers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from server import departures, live, mail, pages, realtime, timetable
from server.api import (
    activities,
    albums,
    api_keys,
    asset_bytes,
    asset_files,
    asset_upload,
    assets,
    authentication,
    backups,
    cluster_groups,
    config,
    download,
    duplicates,
    edits,
    faces,
    heatmap,
    hls,
    integrity,
    jobs,
    libraries,
    licenses,
    maintenance,
    map,
    memories,
    notifications,
    oauth,
    openapi,
    partners,
    people,
    pin,
    plugins,
    profile_image,
    queues,
    search,
    sessions,
    shared_links,
    stacks,
    sync,
    sync_doctor,
    system,
    tags,
    timeline,
    trash,
    users,
    users_admin,
    views,
    workflows,
)
from server.context import CONTEXT, Context
from server.endpoint import JSON_BYTES_MAX, answer_errors, routes
from server.oauth import keep_client
from server.witness import Witness
from server.workflows import run_beside as run_workflows
from sync import sequencer

RESOURCES = (
    activities,
    albums,
    api_keys,
    asset_bytes,
    asset_files,
    asset_upload,
    assets,
    authentication,
    backups,
    cluster_groups,
    config,
    duplicates,
    download,
    edits,
    faces,
    heatmap,
    hls,
    integrity,
    jobs,
    libraries,
    licenses,
    maintenance,
    map,
    memories,
    notifications,
    oauth,
    openapi,
    partners,
    people,
    pin,
    plugins,
    profile_image,
    queues,
    search,
    sessions,
    shared_links,
    stacks,
    sync,
    sync_doctor,
    system,
    tags,
    timeline,
    trash,
    users,
    users_admin,
    views,
    workflows,
)


def build_app(context: Context) -> web.Application:
    app = web.Application(middlewares=[answer_errors], client_max_size=JSON_BYTES_MAX)
    app[CONTEXT] = context
    app.add_routes(routes())
    realtime.attach(app)
    live.attach(app)
    keep_client(app)
    app.add_routes(pages.routes(context))
    app.cleanup_ctx.append(_run_sequencer)
    app.cleanup_ctx.append(departures.run_beside)
    app.cleanup_ctx.append(mail.run_beside)
    app.cleanup_ctx.append(timetable.run_beside)
    app.cleanup_ctx.append(run_workflows)
    return app


async def _run_sequencer(app: web.Application) -> AsyncIterator[None]:
    context, witness = app[CONTEXT], Witness(app[CONTEXT].root)
    async with witness.keeping():
        running = asyncio.create_task(sequencer.run(context.database, witness))
        yield
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
