"""Turn `.sql` files into awaitable functions, one per named query.

A query's header says what it returns, and which of its values may be null:

    -- get_stack -> row?
    -- One stack with the ids of its members.
    -- nullable: cover_id

`rows` a list, `row` exactly one, `row?` one or None, `value` the only column of the only row,
`count` how many rows it touched, `none` nothing.
"""

from __future__ import annotations

import re
from importlib import resources
from types import SimpleNamespace
from typing import Any, NamedTuple

from psycopg import AsyncRawCursor

HEADER = re.compile(r"^-- (?P<name>[a-z_]+) -> (?P<result>rows|row\??|value|count|none)\n", re.M)
NULLABLE = re.compile(r"^-- nullable: (.+)$", re.M)
PARAMETER = re.compile(r"%\((\w+)\)s")


class Query(NamedTuple):
    name: str
    result: str
    text: str
    parameters: tuple[str, ...]
    numbered: str  # the text with $1 and so on: to find the parameters each time takes 0.1 ms

    @property
    def nullable(self) -> set[str]:
        return {name.strip() for line in NULLABLE.findall(self.text) for name in line.split(",")}

    async def __call__(self, connection: Any, **values: object) -> Any:
        cursor: Any = AsyncRawCursor(connection)
        await cursor.execute(self.numbered, [values[name] for name in self.parameters])
        match self.result:
            case "rows":
                return await cursor.fetchall()
            case "row?":
                return await cursor.fetchone()
            case "row":
                row = await cursor.fetchone()
                assert row is not None, f"{self.name} found no row"
                return row
            case "value":
                (value,) = (await cursor.fetchone()).values()
                return value
            case "count":
                return cursor.rowcount
        return None


def parse(text: str) -> dict[str, Query]:
    """Split one file into its named queries; comments under a header belong to it."""
    _, *parts = HEADER.split(text)
    triples = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    return {name: _number(name, result, body.strip()) for name, result, body in triples}


def _number(name: str, result: str, text: str) -> Query:
    parameters = tuple(dict.fromkeys(PARAMETER.findall(text)))
    numbered = PARAMETER.sub(lambda found: f"${parameters.index(found[1]) + 1}", text)
    return Query(name, result, text, parameters, numbered.replace("%%", "%"))


def load(package: str) -> dict[str, Query]:
    """All queries beside a package, by name."""
    return {name: query for file in _files(package).values() for name, query in file.items()}


def load_by_file(package: str) -> dict[str, SimpleNamespace]:
    """All queries beside a package, as `package.file_name.query_name`."""
    return {stem: SimpleNamespace(**queries) for stem, queries in _files(package).items()}


def _files(package: str) -> dict[str, dict[str, Query]]:
    files = (f for f in resources.files(package).iterdir() if f.name.endswith(".sql"))
    return {f.name.removesuffix(".sql"): parse(f.read_text()) for f in files}
