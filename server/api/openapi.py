"""/openapi.json: what is served, made from what is registered, and so never behind it."""

from __future__ import annotations

import asyncio
import re
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from server import cookies
from server.api.asset_upload import UploadFields
from server.api.oauth import BackchannelLogout
from server.body import EMAIL, UUID_V4, Id, Moment
from server.endpoint import ENDPOINTS, OURS, Call, Endpoint, endpoint

Schema = dict[str, Any]

JSON = "application/json"
BYTES = "application/octet-stream"
REF = "#/components/schemas/"
UUID: Schema = {"type": "string", "format": "uuid", "pattern": f"^{UUID_V4.pattern}$"}
# What a handler's return type says if not JSON; ANSWERS says it where that is not all.
RETURNED: dict[str, str | None] = {"None": None, "web.StreamResponse": BYTES}
ANSWERS: dict[str, dict[int, str | None]] = {
    "create_cluster_group_request": {200: JSON, 201: JSON},
    "create_face": {201: None},
    "delete_database_backup": {200: None},
    "delete_integrity_report": {200: None},
    "download_archive": {200: "application/zip"},
    "download_database_backup": {200: "application/gzip"},
    "get_integrity_report_csv": {200: "text/csv"},
    "get_main_playlist": {200: "application/vnd.apple.mpegurl"},
    "get_media_playlist": {200: "application/vnd.apple.mpegurl"},
    "get_person_thumbnail": {200: "image/jpeg"},
    "get_segment": {200: "video/mp4"},
    "get_sync_stream": {200: "application/jsonlines+json"},
    "get_time_bucket": {200: JSON},
    "get_time_buckets": {200: JSON},
    "logout_oauth": {200: None},
    "redirect_oauth_to_mobile": {307: None},
    "set_maintenance_mode": {201: None},
    "start_database_restore_flow": {201: None},
    "upload_asset": {200: JSON, 201: JSON},
    "upload_database_backup": {201: None},
}
# Forms are read as they come in: their type, the struct of their texts, and their files.
FORMS: dict[str, tuple[str, type[Any] | None, tuple[str, ...]]] = {
    "create_profile_image": ("multipart/form-data", None, ("file",)),
    "logout_oauth": ("application/x-www-form-urlencoded", BackchannelLogout, ()),
    "upload_asset": ("multipart/form-data", UploadFields, ("assetData", "sidecarData")),
    "upload_database_backup": ("multipart/form-data", None, ("file",)),
}
OPTIONAL_FILES = ("sidecarData",)
REFUSALS = {
    "400": "Something in the request is wrong; `errors` names each mistake.",
    "401": "No credential, or one that is not good any more.",
    "403": "The credential does not reach as far as this.",
    "404": "There is no such thing.",
    "default": "What else went wrong.",
}
ERROR: Schema = {
    "type": "object",
    "required": ["message"],
    "properties": {
        "message": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "path", "message"],
                "properties": {
                    "code": {"type": "string"},
                    "path": {
                        "type": "array",
                        "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                    },
                    "message": {"type": "string"},
                },
            },
        },
    },
}
CREDENTIALS: dict[str, Schema] = {
    "session": {"type": "http", "scheme": "bearer"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": cookies.TOKEN},
    "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "sharedLink": {"type": "apiKey", "in": "query", "name": "key"},
    "sharedLinkSlug": {"type": "apiKey", "in": "query", "name": "slug"},
}


class Shapes(NamedTuple):
    """What requests may be."""

    names: dict[type[Any], str]
    schemas: dict[str, Schema]

    def ref(self, struct: type[Any]) -> Schema:
        return {"$ref": f"{REF}{self.names[struct]}"}


@endpoint("GET", "/openapi.json", auth="public", is_ours=True)
async def get_openapi(call: Call) -> web.Response:
    """This document."""
    data = await asyncio.to_thread(document)
    tag = sha256(data).hexdigest()
    headers = {"Cache-Control": "no-cache", "ETag": f'"{tag}"'}
    if any(known.value in (tag, "*") for known in call.request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    return web.Response(body=data, content_type="application/json", headers=headers)


@cache
def document() -> bytes:
    """OpenAPI 3.1 as JSON."""
    served = [*ENDPOINTS, *OURS]
    shapes = _shapes(served)
    paths: dict[str, Schema] = {}
    names: set[str] = set()
    for one in sorted(served, key=lambda one: one.path):
        for method in one.methods:
            operation = _operation(one, shapes) | {"operationId": _name(one, method, names)}
            paths.setdefault(one.path, {})[method.lower()] = operation
    queries = {shapes.names[one.query] for one in served if one.query}
    bodies = {name: schema for name, schema in shapes.schemas.items() if name not in queries}
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "Heliograph", "version": version("heliograph")},
            "servers": [{"url": "/api"}],
            "paths": paths,
            "components": {
                "schemas": {"Error": ERROR, **bodies},
                "responses": {name: _refusal(text) for name, text in REFUSALS.items()},
                "securitySchemes": CREDENTIALS,
            },
        }
    )


def _shapes(served: list[Endpoint]) -> Shapes:
    structs = {struct for one in served for struct in (one.body, one.query) if struct}
    structs |= {struct for _, struct, _ in FORMS.values() if struct}
    in_order = sorted(structs, key=lambda struct: (struct.__name__, struct.__module__))
    refs, schemas = msgspec.json.schema_components(
        in_order, schema_hook=_special, ref_template=f"{REF}{{name}}"
    )
    for schema in schemas.values():
        _translate(schema)
    names = [ref["$ref"].removeprefix(REF) for ref in refs]
    return Shapes(dict(zip(in_order, names, strict=True)), schemas)


def _special(type_: type) -> Schema:
    if type_ is Moment:
        return {"type": "string", "format": "date-time"}
    if type_ is Id:
        return dict(UUID)
    raise NotImplementedError(type_)


def _translate(node: Any) -> None:
    """Patterns of Python as those of JavaScript, and those with a name as that."""
    if isinstance(node, dict):
        pattern = node.get("pattern")
        if pattern == EMAIL:
            del node["pattern"]
            node["format"] = "email"
        elif isinstance(pattern, str):
            node["pattern"] = pattern.replace(r"\Z", "$")
    for item in node.values() if isinstance(node, dict) else node:
        if isinstance(item, dict | list):
            _translate(item)


def _operation(one: Endpoint, shapes: Shapes) -> Schema:
    operation: Schema = {
        "tags": [one.path.split("/")[1]],
        "parameters": [*_path_parameters(one), *_query_parameters(one, shapes)],
        "responses": _responses(one),
        "security": _security(one),
    }
    if one.handle.__doc__:
        operation["summary"] = one.handle.__doc__.partition("\n")[0]
    if one.permission:
        operation["x-immich-permission"] = one.permission
    if one.auth == "admin":
        operation["x-immich-admin-only"] = True
    if content := _request_content(one, shapes):
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _path_parameters(one: Endpoint) -> list[Schema]:
    names = [part[1:-1] for part in one.path.split("/") if part.startswith("{")]
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": UUID if name == "id" or name.endswith("Id") else {"type": "string"},
        }
        for name in names
    ]


def _query_parameters(one: Endpoint, shapes: Shapes) -> list[Schema]:
    if not one.query:
        return []
    schema = shapes.schemas[shapes.names[one.query]]
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "schema": _said(field),
        }
        for name, field in schema["properties"].items()
    ]


def _said(field: Schema) -> Schema:
    """Without null, which the text of a query has no word for."""
    real = [schema for schema in field.get("anyOf", ()) if schema != {"type": "null"}]
    return real[0] if len(real) == 1 else field


def _request_content(one: Endpoint, shapes: Shapes) -> Schema:
    if one.body:
        return {JSON: {"schema": shapes.ref(one.body)}}
    if one.handle.__name__ not in FORMS:
        return {}
    media_type, struct, files = FORMS[one.handle.__name__]
    texts = [shapes.ref(struct)] if struct else []
    if not files:
        return {media_type: {"schema": texts[0]}}
    parts: Schema = {
        "type": "object",
        "required": [name for name in files if name not in OPTIONAL_FILES],
        "properties": {name: {"type": "string", "contentMediaType": BYTES} for name in files},
    }
    return {media_type: {"schema": {"allOf": [*texts, parts]}}}


def _responses(one: Endpoint) -> Schema:
    returned = RETURNED.get(one.handle.__annotations__["return"], JSON)
    answers = ANSWERS.get(one.handle.__name__, {one.status if returned else 204: returned})
    done = {str(status): _response(media_type) for status, media_type in answers.items()}
    return done | {name: {"$ref": f"#/components/responses/{name}"} for name in _refusals(one)}


def _refusals(one: Endpoint) -> list[str]:
    says = one.body or one.query or "{" in one.path or one.handle.__name__ in FORMS
    return [
        *(["400"] if says else []),
        *([] if one.auth == "public" else ["401", "403"]),
        *(["404"] if "{" in one.path else []),
        "default",
    ]


def _response(media_type: str | None) -> Schema:
    if media_type is None:
        return {"description": "Done."}
    content: Schema = {"schema": {}} if media_type == JSON else {}
    return {"description": "Done.", "content": {media_type: content}}


def _refusal(text: str) -> Schema:
    return {"description": text, "content": {JSON: {"schema": {"$ref": f"{REF}Error"}}}}


def _security(one: Endpoint) -> list[dict[str, list[str]]]:
    if one.auth == "public":
        return []
    names = list(CREDENTIALS) if one.auth.endswith("link") else ["session", "cookie", "apiKey"]
    return [{name: []} for name in names]


def _name(one: Endpoint, method: str, taken: set[str]) -> str:
    """The handler's, and where it serves more than one operation the others say which they are."""
    name = one.handle.__name__
    if name in taken:
        name = "_".join([name, method.lower(), *re.findall(r"\w+", one.path)])
    taken.add(name)
    first, *others = re.split("[_-]", name)
    return first + "".join(other[:1].upper() + other[1:] for other in others)
