"""Build the web application, and what runs beside its handlers."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import AsyncIterator

from aiohttp import web

from server import api, beside, live, mail, pages, realtime, segments, timetable
from server.context import CONTEXT, Context
from server.endpoint import JSON_BYTES_MAX, answer_errors, routes
from server.oauth import keep_client
from server.witness import Witness
from server.workflows import run_triggered
from sync import sequencer, topics, worker

for _resource in pkgutil.iter_modules(api.__path__):  # Each registers what it serves.
    importlib.import_module(f"{api.__name__}.{_resource.name}")


def build_app(context: Context) -> web.Application:
    app = web.Application(middlewares=[answer_errors], client_max_size=JSON_BYTES_MAX)
    app[CONTEXT] = context
    app.add_routes(routes())
    realtime.attach(app)
    live.attach(app)
    segments.attach(app)
    keep_client(app)
    app.add_routes(pages.routes(context))
    app.cleanup_ctx.append(_begin)
    beside.attach(app)  # After it, and so ended before: the sequencer needs the witness.
    return app


async def _begin(app: web.Application) -> AsyncIterator[None]:
    """The sequencer, the queues whose work is done here, and what is done by the clock."""
    context, witness = app[CONTEXT], Witness(app[CONTEXT].root)
    consumers = {
        topics.MAIL.name: mail.mail_consumer(context),
        topics.WORKFLOW.name: run_triggered,
    }
    async with witness.keeping():
        beside.begin(app, sequencer.run(context.database, witness))
        beside.begin(app, worker.run(context.database, consumers))
        beside.begin(app, timetable.run(context))
        yield
