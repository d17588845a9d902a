"""Immich's contract: what each operation may answer, and whether an answer is that."""

from __future__ import annotations

import csv
import json
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from jsonschema import Draft4Validator, FormatChecker

FOLDER = Path(__file__).parents[2] / "shared" / "contract"
SPEC = FOLDER / "immich-openapi-3.2.2.json"
TABLE = FOLDER / "operations.tsv"
# Served by Immich, and by us, beside what the contract says (contract/clients.md).
PATCHED = frozenset(
    {
        "/api-keys/{id}",
        "/assets",
        "/assets/{id}",
        "/libraries/{id}",
        "/memories/{id}",
        "/people/{id}",
        "/sessions/{id}",
        "/stacks/{id}",
        "/tags/{id}",
        "/admin/users/{id}",
        "/admin/users/{id}/preferences",
        "/users/me",
        "/users/me/preferences",
        "/workflows/{id}",
    }
)
EARLIER = frozenset({("GET", "/server/theme")})  # before 3.0, and still asked for
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.]\d{3}Z")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

needed = pytest.mark.skipif(not SPEC.exists(), reason=f"there is no {SPEC.name}")
exercised: set[tuple[str, str, int]] = set()  # by this run: method, template, status

formats = FormatChecker(formats=())
formats.checks("date-time")(lambda text: not isinstance(text, str) or DATE_TIME.fullmatch(text))
formats.checks("uuid")(lambda text: not isinstance(text, str) or UUID.fullmatch(text))
formats.checks("date")(
    lambda text: not isinstance(text, str) or re.fullmatch(r"\d{4}-\d\d-\d\d", text)
)


class Operation(NamedTuple):
    """One line of the table of operations."""

    group: str
    method: str
    template: str
    auth: str  # public, user, user+link, admin
    permission: str | None
    statuses: tuple[int, ...]
    name: str


@cache
def operations() -> list[Operation]:
    """All of them; none where the contract is absent."""
    if not TABLE.exists():
        return []
    with TABLE.open(newline="") as lines:
        return [
            Operation(
                row["group"],
                row["method"],
                row["path"],
                row["auth"],
                None if row["permission"] == "-" else row["permission"],
                tuple(int(one.split(":")[0]) for one in row["responses"].split(";")),
                row["sdk"],
            )
            for row in csv.DictReader(lines, delimiter="\t")
        ]


def operation(method: str, path: str) -> Operation | None:
    """What serves a path below /api, with its ids filled in; PATCH may stand for PUT."""
    if method == "HEAD":
        return operation("GET", path)
    matching = [
        one
        for one in operations()
        if one.method == method and _pattern(one.template).fullmatch(path)
    ]
    found = min(matching, key=lambda one: one.template.count("{"), default=None)
    if found is None and method == "PATCH":
        standing = operation("PUT", path)
        return standing if standing and standing.template in PATCHED else None
    return found


def assert_matches(
    method: str, template: str, status: int, body: Any, *, with_undeclared: bool = True
) -> None:
    """A JSON body is what the contract says; `with_undeclared` lets it say more than that."""
    response = _spec()["paths"][template][method.lower()]["responses"].get(str(status))
    assert response is not None, f"{method} {template} must not answer {status}"
    schema = response.get("content", {}).get("application/json", {}).get("schema")
    assert schema is not None, f"{method} {template} answers {status} without JSON"
    errors = [
        f"{'.'.join(map(str, error.absolute_path)) or 'the body'}: {error.message}"
        for error in _validator(method, template, status).iter_errors(body)
    ]
    if not with_undeclared:
        errors += [f"undeclared: {name}" for name in _undeclared(schema, body)]
    assert not errors, f"{method} {template} {status}:\n" + "\n".join(errors)


def check(method: str, path: str, status: int, content_type: str, data: bytes) -> None:
    """Hold an answer to a request below /api against the contract, if it is a success."""
    found = operation(method, path)
    if found is None:
        return
    exercised.add((found.method, found.template, status))
    if not 200 <= status < 300 or method == "HEAD":
        return
    responses = _spec()["paths"][found.template][found.method.lower()]["responses"]
    contents = responses.get(str(status), {}).get("content", {})
    if content_type == "application/json" or "application/json" in contents:
        assert content_type == "application/json", f"{method} {path}: {content_type}, not JSON"
        assert_matches(found.method, found.template, status, json.loads(data))
    elif status != 206:  # a part of a file, where the contract knows of whole ones only
        assert str(status) in responses, f"{method} {found.template} must not answer {status}"
        assert status != 204 or not data


@cache
def _spec() -> Any:
    return _as_json_schema(json.loads(SPEC.read_text()))


@cache
def _validator(method: str, template: str, status: int) -> Draft4Validator:
    spec = _spec()
    response = spec["paths"][template][method.lower()]["responses"][str(status)]
    schema = response["content"]["application/json"]["schema"]
    root = {"components": spec["components"], "allOf": [schema]}
    return Draft4Validator(root, format_checker=formats)


@cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)))


def _as_json_schema(node: Any) -> Any:
    """OpenAPI 3.0 says `nullable` where JSON Schema names the type null."""
    if isinstance(node, list):
        return [_as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    schema = {name: _as_json_schema(value) for name, value in node.items()}
    if schema.get("type") == "number" and schema.get("minimum") == 1:
        # Whatever wrote the document rounded 0.001 and 0.1 to 1, and then 0.1 to 0.
        del schema["minimum"], schema["maximum"]
    if schema.get("nullable") is True:
        del schema["nullable"]
        return {"anyOf": [schema, {"type": "null"}]}
    return schema


def _undeclared(schema: Any, body: Any) -> set[str]:
    """Names at the top that the schema does not have."""
    if isinstance(body, list):
        return {name for item in body for name in _undeclared(schema.get("items", {}), item)}
    if "$ref" in schema:
        schema = _spec()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if not isinstance(body, dict) or "additionalProperties" in schema:
        return set()
    return body.keys() - schema.get("properties", {}).keys()
