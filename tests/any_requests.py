"""Requests nobody thought of: made from a document of what is served, the same for one seed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import UUID

Schema = dict[str, Any]

JSON = "application/json"
UUIDS = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
IDS_KEPT = 40
DEPTH_MAX = 4
# Whose ids a field takes, by a part of its name.
WORDS = {"asset": "assets", "album": "albums", "user": "users", "person": "people", "tag": "tags",
         "sharedwith": "users", "face": "faces", "owner": "users"}  # fmt: skip
MOMENTS = [
    "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999Z",
    "9999-12-31T23:59:59-12:00", "2024-02-29T12:00:00.123456789Z", "2024-05-06T07:08Z",
    "1969-12-31T23:59:59.999Z", "2024-13-01T00:00:00Z", "10000-01-01T00:00:00Z",
]  # fmt: skip
TEXTS = [
    "", " ", "a", "Holiday", "2024-05-01", "2024-02-30", "0000-00-00", "%", "_", "\\", "'; --", '"',
    "../../etc/passwd", "/", "a/b/c", "${x}", "{{y}}", "[", "*", ":*", "&|!", "a\tb\r\n", "\x7f",
    "\u202e", "\ufffe", "\U0001f431", "é" * 300, "NaN", "Infinity", "null", "-1", "1e999",
    "Europe/Berlin", "UTC+99", "http://x", "a@b", "0", "٣",
]  # fmt: skip
NUMBERS = [0, 1, -1, 2, 1000, 32767, 32768, 2**31 - 1, 2**31, -(2**31) - 1, 2**53 - 1, 2**53, 2**63]
REALS = [0.5, -0.0, 1e-320, 1e308, -1e308, 90.0, 180.0000001]
# Some text for each pattern that is in the document.
PATTERNS = {
    r"^[^\/]*$": ["", "a", "'", "%", "\\"],
    r"^IM(SV|CL)(-[0-9A-Za-z]{4}){8}$": ["IMSV" + "-ABCD" * 8, "IMCL" + "-0000" * 8],
    r"^[0-9a-f]{32}$": ["0" * 32, "f" * 32],
    r"^[0-9]{6}$": ["000000", "123456"],
}


class Request(NamedTuple):
    """As `Client.call` takes it."""

    method: str
    path: str
    query: list[tuple[str, str]]
    body: Any


@dataclass(slots=True)
class Maker:
    """Makes requests from a document, with the ids it has heard of."""

    document: Schema
    random: Random
    ids: dict[str, list[str]] = field(default_factory=dict)  # by the resource's word
    share_wrong: float = 0.03
    word: str = ""  # whose ids are meant where nothing says it

    def operations(self) -> Iterator[tuple[str, str, Schema]]:
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                content = operation.get("requestBody", {}).get("content", {JSON: {}})
                if JSON in content:  # Forms have tests of their own.
                    yield method.upper(), path, operation

    def hear(self, path: str, data: bytes) -> None:
        """Remember what has an id: of which resource, the path says."""
        word = path.split("/")[1]
        heard = [*self.ids.get(word, ()), *(one.decode() for one in UUIDS.findall(data))]
        self.ids[word] = list(dict.fromkeys(heard))[:IDS_KEPT]

    def request(self, method: str, path: str, operation: Schema) -> Request:
        """One that is right more often than not, or wrong in few places."""
        query: list[tuple[str, str]] = []
        self.word = path.split("/")[1]
        for one in operation["parameters"]:
            if one["in"] == "path":
                text = quote(_text(self._named(one["name"], one["schema"])) or "-", safe="")
                path = path.replace(f"{{{one['name']}}}", text)
            elif one["required"] or self.random.random() < 0.4:
                value = self._named(one["name"], one["schema"])
                values = value if isinstance(value, list) else [value]
                query += [(one["name"], _text(each)) for each in values]
        content = operation.get("requestBody", {}).get("content", {})
        body = self.value(content[JSON]["schema"]) if content else None
        return Request(method, path, query, body)

    def value(self, schema: Schema, depth: int = 0) -> Any:
        """What the schema describes, but for a small share."""
        if self.random.random() < self.share_wrong:
            return self._anything(depth)
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return self.value(self.document["components"]["schemas"][name], depth)
        if "anyOf" in schema:
            return self.value(self.random.choice(schema["anyOf"]), depth)
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        return self._of_type(schema, depth)

    def _named(self, name: str, schema: Schema, depth: int = 0) -> Any:
        """`albumIds` are of albums, `id` is of what the operation is about."""
        outer = self.word
        self.word = next((word for part, word in WORDS.items() if part in name.lower()), outer)
        value = self.value(schema, depth)
        self.word = outer
        return value

    def _of_type(self, schema: Schema, depth: int) -> Any:
        match schema.get("type"):
            case "string":
                return self._string(schema)
            case "integer":
                return self._number(schema, NUMBERS)
            case "number":
                return self._number(schema, [*NUMBERS, *REALS])
            case "boolean":
                return self.random.random() < 0.5
            case "null":
                return None
            case "array":
                return self._array(schema, depth)
            case "object":
                return self._object(schema, depth)
        return self._anything(depth)

    def _string(self, schema: Schema) -> str:
        random = self.random
        match schema.get("format"):
            case "uuid":
                known = self.ids.get(self.word)
                unknown = str(UUID(int=random.getrandbits(128), version=4))
                return random.choice(known) if known and random.random() < 0.8 else unknown
            case "date-time":
                return random.choice(MOMENTS)
            case "email":
                return f"{random.getrandbits(32):x}@example.org"
        text = random.choice(PATTERNS.get(schema.get("pattern", ""), TEXTS))
        text += "x" * (schema.get("minLength", 0) - len(text))
        return text[: schema.get("maxLength")]

    def _number(self, schema: Schema, choices: list[Any]) -> Any:
        least, most = schema.get("minimum"), schema.get("maximum")
        bounds = [bound for bound in (least, most) if bound is not None]
        within = [
            one
            for one in choices
            if (least is None or one >= least) and (most is None or one <= most)
        ]
        return self.random.choice([*within, *bounds] or choices)

    def _array(self, schema: Schema, depth: int) -> list[Any]:
        if depth > DEPTH_MAX:
            return []
        count = self.random.choice([schema.get("minItems", 0), 1, 2])
        items = [self.value(schema.get("items", {}), depth + 1) for _ in range(count)]
        return items * 2 if self.random.random() < 0.2 else items

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        share = 0.5 if depth <= DEPTH_MAX else 0
        found = {
            name: self._named(name, field, depth + 1)
            for name, field in schema.get("properties", {}).items()
            if name in schema.get("required", ()) or self.random.random() < share
        }
        if "properties" not in schema:
            found[self.random.choice(TEXTS)] = self._anything(depth + 1)
        return found

    def _anything(self, depth: int) -> Any:
        plain = [
            None,
            True,
            *TEXTS,
            *NUMBERS,
            *REALS,
            *MOMENTS,
            *self.ids.get("assets", ())[:3],
            [],
            {},
        ]
        if depth <= DEPTH_MAX and self.random.random() < 0.3:
            inner = self._anything(depth + 1)
            return self.random.choice([[inner], [inner] * 3, {"a": inner}, {"": inner}])
        return self.random.choice(plain)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
