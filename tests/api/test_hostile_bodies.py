"""Bodies made to break what reads them, to every operation that takes one: refused, and no more."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from server.api import openapi
from server.bulk import IDS_MAX
from server.endpoint import ENDPOINTS, OURS
from tests.any_requests import JSON, Maker, Schema
from tests.api.test_any_request import LEFT_OUT, complain

pytestmark = pytest.mark.timeout(300)

DOCUMENT = json.loads(openapi.document())
TAKERS = [
    (method.upper(), path, operation["requestBody"]["content"])
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if "requestBody" in operation
]
JSON_TAKERS = [one for one in TAKERS if JSON in one[2]]
NO_OBJECTS = [
    b"", b" ", b"\0", b"{", b"[]", b"null", b"7", b'"x"', b"\xff\xfe{\0}\0", b'{"\\udfff": 1}',
    b'{"a": NaN}', b'{"a": -Infinity}', b'{"a": 1e}', b"[" * 50_000, b'{"a":' * 50_000,
    b"--x\r\n\r\n--x--",
]  # fmt: skip
# Of what nobody asks for, nothing is read.
UNREAD = [b'{"a": "\xff"}', b'{"a": "\xed\xa0\x80"}', b'{"a": "\\ud800"}', b'{"a": 1e999}']
# As JSON, since not all of them can be said in Python.
TEXTS = ['"\\ud800"', '"\\u0000"', '""', '"\\uffff"', f'"{"x" * 70_000}"', "null", "0"]
NUMBERS = [
    "0", "-1", "1.5", "2147483648", "-9223372036854775809", "9007199254740992", f"1{'0' * 400}",
    f"1{'0' * 5000}", "1e308", "-1e-400", "1e999", '"NaN"', "null",
]  # fmt: skip
MOMENTS = [
    '"0000-01-01T00:00:00Z"', '"0001-01-01T00:00:00+23:59"', '"9999-12-31T23:59:59.999-23:59"',
    '"2024-02-30T00:00:00Z"', '"2024-01-01T24:00:00Z"', '"2024-01-01T00:00:00+99:99"', "null",
]  # fmt: skip
OTHERS = ["null", "true", "[]", "{}", "[[]]", "[null]", '{"": {}}', '"x"', '["\\ud800"]', "1e999"]
TYPES = [
    "text/plain", "application/json; charset=utf-16", "application/json; charset=nothing",
    "application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data; boundary=",
    "application/octet-stream", "a", "",
]  # fmt: skip


def url(path: str) -> str:
    """With ids that nothing has."""
    while "{" in path:
        before, _, after = path.partition("{")
        path = f"{before}{uuid4()}{after.partition('}')[2]}"
    return f"/api{path}"


async def put(client, method: str, path: str, data: bytes, media_type: str = JSON):
    headers = {"Content-Type": media_type}
    return await client.call(method, url(path), data=io.BytesIO(data), headers=headers)


async def test_what_is_no_object_is_refused(admin):
    wrong = []
    for method, path, _ in JSON_TAKERS:
        for data in (*NO_OBJECTS, *UNREAD):
            answer = await put(admin, method, path, data)
            if complain(answer) or (answer.status < 400 and data not in UNREAD):
                wrong.append((method, path, data[:40], answer.status, answer.data[:200]))

    assert wrong == []


def fields(schema: Schema) -> dict[str, Schema]:
    name = schema["$ref"].rpartition("/")[2]
    return DOCUMENT["components"]["schemas"][name].get("properties", {})


def values(field: Schema) -> list[str]:
    ways = [field, *field.get("anyOf", ())]
    types = {one.get("type") for one in ways}
    if {one.get("format") for one in ways} & {"date-time"}:
        return MOMENTS
    if types & {"integer", "number"}:
        return NUMBERS
    return TEXTS if "string" in types else OTHERS


def hostile(taker: Any) -> Iterator[bytes]:
    """Whole bodies with one field spoilt."""
    schema = taker[2][JSON]["schema"]
    maker = Maker(DOCUMENT, Random(taker[1]), share_wrong=0)
    for name, field in fields(schema).items():
        body = maker.value(schema) | {name: "SPOILT"}
        for value in values(field):
            yield json.dumps(body).replace('"SPOILT"', value, 1).encode()


async def test_a_field_of_anything_breaks_nothing(admin):
    wrong = []
    for taker in JSON_TAKERS:
        method, path, _ = taker
        if (method, path) in LEFT_OUT:
            continue
        for data in hostile(taker):
            answer = await put(admin, method, path, data)
            if complain(answer):
                wrong.append((method, path, data[:200], answer.status, answer.data[:200]))

    assert wrong == []


def lists_of_ids() -> list[tuple[str, str, str, Schema]]:
    return [
        (method, path, name, content[JSON]["schema"])
        for method, path, content in JSON_TAKERS
        for name, field in fields(content[JSON]["schema"]).items()
        for one in (field, *field.get("anyOf", ()))
        if one.get("items", {}).get("format") == "uuid"
    ]


async def test_ids_may_be_few_twice_or_too_many(admin):
    id_ = str(uuid4())
    lists = [json.dumps(ids) for ids in ([], [id_], [id_, id_], [id_, id_.upper()])]
    too_many = json.dumps([id_] * (IDS_MAX + 1))
    wrong = []
    for method, path, name, schema in lists_of_ids():
        body = Maker(DOCUMENT, Random(1), share_wrong=0).value(schema) | {name: "SPOILT"}
        for ids in (*lists, too_many):
            data = json.dumps(body).replace('"SPOILT"', ids, 1).encode()
            answer = await put(admin, method, path, data)
            if complain(answer) or (ids is too_many and answer.status != 400):
                wrong.append((method, path, name, ids[:100], answer.status, answer.data[:200]))

    assert wrong == []


async def test_another_type_of_content_breaks_nothing(admin):
    wrong = []
    for method, path, _ in TAKERS:
        for media_type in TYPES:
            for data in (b"{}", b"a=1", b"--x\r\n\r\n--x--\r\n"):
                answer = await put(admin, method, path, data, media_type)
                if complain(answer):
                    wrong.append((method, path, media_type, data, answer.status, answer.data))

    assert wrong == []


def test_nothing_that_takes_a_body_is_left_out():
    takers = {
        (method, one.path) for one in [*ENDPOINTS, *OURS] for method in one.methods if one.body
    }

    assert takers <= {one[:2] for one in TAKERS}
