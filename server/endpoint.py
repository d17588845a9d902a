"""One decorator for every operation: credentials, permission, ids, body, answer, errors."""

from __future__ import annotations

import asyncio
import logging
import math
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID, uuid4

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from server import body
from server.authentication import authenticate
from server.context import CONTEXT, Context
from server.wire import Json
from sql import Disconnected
from storage.files import StorageFull
from sync.actor import Actor
from sync.errors import Forbidden, Invalid, Missing, Refused, TooMany, Unauthenticated

logger = logging.getLogger(__name__)

JSON_BYTES_MAX = 10 * 1024 * 1024
BODY_SECONDS_MAX = 120.0
STATUSES = {Invalid: 400, Unauthenticated: 401, Forbidden: 403, Missing: 404, TooMany: 429}
CLIENT_LEFT = 499  # nobody reads it
CORRELATION_ID = web.RequestKey("CORRELATION_ID", str)
CORRELATION = re.compile(r"[\w.:-]{1,128}")
NOBODY = Actor(UUID(int=0))

# `link`: who has a shared link, too; `closed link`: also before its password was given.
Auth = Literal["public", "user", "admin", "link", "closed link"]
Keys = Literal["permitted", "any"]  # which API keys get in: with the permission, or all of them
Answer = Json | web.StreamResponse | None


@dataclass(slots=True)
class Call:
    """One request that was let in, with all it says in types."""

    request: web.Request
    context: Context
    actor: Actor
    ids: dict[str, UUID]
    body: Any = None
    query: Any = None


@dataclass(slots=True, frozen=True)
class Endpoint:
    """How one operation of the contract is served."""

    methods: tuple[str, ...]  # the contract's first; the others are undocumented aliases
    path: str  # below /api, as in the contract
    auth: Auth
    permission: str | None
    keys: Keys
    body: type[Any] | None
    query: type[Any] | None
    status: int
    is_file: bool
    handle: Callable[[Call], Awaitable[Answer]] = field(repr=False)


ENDPOINTS: list[Endpoint] = []
OURS: list[Endpoint] = []  # beside the contract


def endpoint(
    method: str,
    path: str,
    *,
    auth: Auth = "user",
    permission: str | None = None,
    keys: Keys = "permitted",
    body: type[Any] | None = None,
    query: type[Any] | None = None,
    status: int = 200,
    aliases: tuple[str, ...] = (),
    is_file: bool = False,
    is_ours: bool = False,
) -> Callable[[Callable[[Call], Awaitable[Answer]]], Callable[[Call], Awaitable[Answer]]]:
    """Serve an operation. Without a permission of its own it asks of an API key for `all`.

    `is_file`: it sends a file, and as in Immich one that may not be had is not there.
    `is_ours`: the contract does not know it.
    """

    def register(handle: Callable[[Call], Awaitable[Answer]]) -> Callable[..., Awaitable[Answer]]:
        methods = (method, *aliases)
        served = Endpoint(
            methods, path, auth, permission, keys, body, query, status, is_file, handle
        )
        (OURS if is_ours else ENDPOINTS).append(served)
        return handle

    return register


def routes() -> list[web.RouteDef]:
    """What is registered so far, for aiohttp."""
    return [
        web.route(method, f"/api{one.path}", _serve(one))
        for one in sorted([*ENDPOINTS, *OURS], key=lambda one: "{" in one.path)
        for method in one.methods
    ]


def _serve(one: Endpoint) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        context = request.app[CONTEXT]
        actor = await _admit(one, context, request)
        if any("\0" in text for text in request.match_info.values()):
            raise Missing("Not Found")  # Postgres takes no such text, so nothing has such a name.
        ids = {
            name: actor.user_id if (name, text) == ("userId", "me") else body.parse_id(text, name)
            for name, text in request.match_info.items()
            if name == "id" or name.endswith("Id")
        }
        call = Call(request, context, actor, ids)
        if one.query:
            texts = {name: request.query.getall(name) for name in request.query}
            call.query = body.convert_text(texts, one.query)
        if one.body:
            # As JSON only: a form of another site, which a browser sends with cookies, is no body.
            is_json = request.content_type == "application/json"
            call.body = body.decode_json(await read_body(request) if is_json else b"", one.body)
        try:
            answer = await one.handle(call)
        except Refused as refused:
            raise (Missing("Not Found") if one.is_file else refused) from None
        if isinstance(answer, web.StreamResponse):
            return answer
        if answer is None:
            return web.Response(status=204)
        return json_response(answer, status=one.status)

    return handle


async def read_body(request: web.Request) -> bytes:
    """All of a small body, from whoever sends it in good time."""
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            return await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout(reason="The request did not come in time") from None


async def _admit(one: Endpoint, context: Context, request: web.Request) -> Actor:
    """The actor, if this operation is for such as them."""
    if one.auth == "public":
        return NOBODY
    actor = await authenticate(context.database, request)
    if actor.link and not one.auth.endswith("link"):
        raise Forbidden("Forbidden")
    if actor.link and not actor.link.is_open and one.auth != "closed link":
        raise Unauthenticated("Password required")
    if actor.permissions is not None and one.keys != "any" and "all" not in actor.permissions:
        needed = one.permission or "all"
        if needed not in actor.permissions:
            raise Forbidden(f"Missing required permission: {needed}")
    if one.auth == "admin" and not actor.is_admin:
        raise Forbidden("Forbidden")
    return actor


def json_response(answer: object, *, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(answer), status=status, content_type="application/json"
    )


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error in Immich's shape; what nobody foresaw is logged with the request's id."""
    given = request.headers.get("X-Correlation-ID", "")
    correlation_id = given if CORRELATION.fullmatch(given) else str(uuid4())
    request[CORRELATION_ID] = correlation_id
    try:
        response = await handler(request)
    except Refused as refused:
        response = _refuse(refused)
    except StorageFull:
        response = json_response({"message": "There is no space left for this"}, status=507)
    except web.HTTPException as error:
        response = _answer_http(request, error)
    except Disconnected:
        logger.warning("%s: the database is not reachable", correlation_id, exc_info=True)
        response = json_response({"message": "The database is not reachable"}, status=503)
    except ConnectionError:
        logger.debug("%s: the client left", correlation_id)
        response = web.Response(status=CLIENT_LEFT)
    except Exception:
        logger.exception("%s: %s %s failed", correlation_id, request.method, request.path)
        response = json_response({"message": _describe(request)}, status=500)
    if not response.prepared:
        response.headers["X-Correlation-ID"] = correlation_id
    return response


def _refuse(refused: Refused) -> web.Response:
    answer: dict[str, Any] = {"message": str(refused)}
    if isinstance(refused, body.InvalidBody):
        answer["errors"] = refused.issues
    status = next((STATUSES[kind] for kind in type(refused).__mro__ if kind in STATUSES), 400)
    response = json_response(answer, status=status)
    if isinstance(refused, TooMany):
        response.headers["Retry-After"] = str(max(1, math.ceil(refused.wait_seconds)))
    return response


def _answer_http(request: web.Request, error: web.HTTPException) -> web.Response:
    """aiohttp's own refusals; a route that is not there is named as Immich names it."""
    if error.status < 400:
        raise error
    message = error.reason
    status = error.status
    if status in (404, 405):
        message, status = f"Cannot {request.method} {request.path}", 404
    return json_response({"message": message}, status=status)


def _describe(request: web.Request) -> str:
    """`Failed to get asset info`, from the name of what handles it."""
    handle = next(
        (
            one.handle
            for one in [*ENDPOINTS, *OURS]
            if request.method in one.methods
            and request.match_info.route.resource is not None
            and request.match_info.route.resource.canonical == f"/api{one.path}"
        ),
        None,
    )
    name = getattr(handle, "__name__", "")
    return f"Failed to {name.replace('_', ' ')}" if name else "Internal server error"
