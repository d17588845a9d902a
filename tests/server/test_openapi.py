"""The document of what is served: right in form, whole, and what Immich's own says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from openapi_spec_validator import validate

import server.app  # noqa: F401 - registers all that is served
from server.api import openapi
from server.endpoint import ENDPOINTS, OURS
from tests import contract

Schema = dict[str, Any]

# What we say otherwise, and may.
OTHERWISE = {
    "POST /admin/database-backups/upload": {"a body: file"},  # It can do nothing without.
    "GET /oauth/mobile-redirect": {"statuses"},  # A redirect, which the contract calls 200.
    # Types of lines that the contract does not know yet.
    "DELETE /sync/ack": {"a body: types"},
    "POST /sync/stream": {"a body: types", "an answer 200"},
    # It knows bytes where we know their type.
    "GET /admin/database-backups/{filename}": {"an answer 200"},
    "GET /admin/integrity/report/{type}/csv": {"an answer 200"},
    "GET /people/{id}/thumbnail": {"an answer 200"},
    "POST /download/archive": {"an answer 200"},
    "GET /assets/{id}/video/stream/{sessionId}/{variantIndex}/{filename}": {"an answer 200"},
    # It takes any text where we name what there is.
    "PUT /admin/config": {"a body: ffmpeg.preset"},
    "PUT /system-config": {"a body: ffmpeg.preset"},
}


@cache
def ours() -> Schema:
    return json.loads(openapi.document())


@cache
def theirs() -> Schema:
    return json.loads(contract.SPEC.read_text()) if contract.SPEC.exists() else {"paths": {}}


def operations(document: Schema) -> dict[str, Schema]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


async def test_anybody_may_read_it(anonymous):
    answer = await anonymous.get("/api/openapi.json")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json["openapi"].startswith("3.")
    assert answer.json == ours()


async def test_who_has_it_is_told_so(anonymous):
    tag = (await anonymous.get("/api/openapi.json")).headers["ETag"]

    for known in (tag, "*", f'"other", {tag}'):
        answer = await anonymous.using(**{"If-None-Match": known}).get("/api/openapi.json")
        assert (answer.status, answer.data, answer.headers["ETag"]) == (304, b"", tag)
    answer = await anonymous.using(**{"If-None-Match": '"other"'}).get("/api/openapi.json")
    assert (answer.status, answer.json) == (200, ours())


def test_it_is_valid():
    validate(ours())


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(target := node.get("$ref"), str):
            yield target
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from references(item)


def test_what_it_names_is_in_it():
    for target in references(ours()):
        node = ours()
        for part in target.removeprefix("#/").split("/"):
            assert part in node, target
            node = node[part]


def test_all_that_is_served_is_in_it():
    served = {f"{method} {one.path}": one for one in [*ENDPOINTS, *OURS] for method in one.methods}

    assert operations(ours()).keys() == served.keys()
    for key, operation in operations(ours()).items():
        one = served[key]
        assert operation.get("x-immich-permission") == one.permission
        assert operation.get("x-immich-admin-only", False) == (one.auth == "admin")
        assert (operation["security"] == []) == (one.auth == "public")
        assert ("requestBody" in operation) == bool(
            one.body or one.handle.__name__ in openapi.FORMS
        )


def test_no_exception_is_left_of_what_is_gone():
    names = {one.handle.__name__ for one in [*ENDPOINTS, *OURS]}

    assert {*openapi.ANSWERS, *openapi.FORMS} <= names


def test_structs_are_told_apart_by_their_names():
    assert [name for name in ours()["components"]["schemas"] if "." in name] == []


def resolve(document: Schema, schema: Schema) -> Schema:
    """What is meant in the end: no references, no 'or null'."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return resolve(document, document["components"]["schemas"][name])
    parts = [resolve(document, part) for part in schema.get("allOf", ())]
    if len(parts) == 1:
        return parts[0]
    if parts:
        return {
            "type": "object",
            "properties": {k: v for part in parts for k, v in part["properties"].items()},
            "required": [name for part in parts for name in part.get("required", ())],
        }
    ways = [one for one in schema.get("anyOf", schema.get("oneOf", ())) if one != {"type": "null"}]
    if len(ways) == 1:
        return resolve(document, ways[0])
    return {"type": sorted({kind(document, way) for way in ways})} if ways else schema


def kind(document: Schema, schema: Schema) -> str:
    schema = resolve(document, schema)
    if "enum" in schema:
        return f"one of {sorted(str(one) for one in schema['enum'] if one is not None)}"
    if schema.get("type") == "array":
        return f"array of {kind(document, schema['items'])}"
    types = schema.get("type", "anything")
    named = types if isinstance(types, str) else " or ".join(one for one in types if one != "null")
    return "number" if named == "integer" else named


def fields(document: Schema, schema: Schema, path: str = "") -> dict[str, tuple[str, bool]]:
    """The type of each field at any depth, and whether it must be there."""
    schema = resolve(document, schema)
    if schema.get("type") == "array":
        return fields(document, schema["items"], path)
    found: dict[str, tuple[str, bool]] = {}
    if path.count(".") > 6:  # A filter may hold filters.
        return found
    for name, field in schema.get("properties", {}).items():
        found[path + name] = (kind(document, field), name in schema.get("required", ()))
        found |= fields(document, field, f"{path}{name}.")
    return found


def query(document: Schema, operation: Schema) -> dict[str, tuple[str, bool]]:
    return {
        one["name"]: (kind(document, one["schema"]), one["required"])
        for one in operation.get("parameters", ())
        if one["in"] == "query" and one["name"] not in ("key", "slug")  # credentials
    }


def contents(part: Schema) -> dict[str, Schema]:
    return part.get("content", {})


def differ(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def differences(mine: Schema, immich: Schema) -> Iterator[str]:
    for name in differ(query(ours(), mine), query(theirs(), immich)):
        yield f"a query: {name}"
    bodies, wanted = (contents(one.get("requestBody", {})) for one in (mine, immich))
    if bodies.keys() != wanted.keys():
        yield "a body"
    for type_ in bodies.keys() & wanted.keys():
        my_fields = fields(ours(), bodies[type_]["schema"])
        for name in differ(my_fields, fields(theirs(), wanted[type_]["schema"])):
            yield f"a body: {name}"
    answers, right = (
        {status: one for status, one in each["responses"].items() if status[0] in "23"}
        for each in (mine, immich)
    )
    if answers.keys() != right.keys():
        yield "statuses"
    for status in answers.keys() & right.keys():
        if contents(answers[status]).keys() != contents(right[status]).keys():
            yield f"an answer {status}"


@contract.needed
@pytest.mark.parametrize("key", sorted(operations(theirs()).keys() & operations(ours()).keys()))
def test_it_says_what_the_contract_says(key):
    found = set(differences(operations(ours())[key], operations(theirs())[key]))

    assert found - OTHERWISE.get(key, set()) == set()
