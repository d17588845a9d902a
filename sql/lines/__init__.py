"""Sync lines as bytes: pages of stored lines, joined in Postgres and passed on as they are."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.adapt import Buffer, Loader
from psycopg.rows import namedtuple_row

from sql.database import Connection
from sql.loader import parse

PAGE_LINES = 1000

# Each query in shapes.sql is one way to find lines; those wanted say which is theirs.
ONE_SHAPE = """
SELECT {name}_line.pos, {name}_line.type, {name}_line.data FROM (
    {select}
       AND wanted.shape = '{name}'
     ORDER BY state.pos
     FETCH FIRST %(limit)s ROWS WITH TIES) AS {name}_line
"""


class Wanted(NamedTuple):
    """Lines of one type from one place, after a position."""

    shape: str  # how to find them: a query in shapes.sql
    kind: str
    scope: UUID
    is_gone: bool  # the tombstones, not the living
    type: str
    naming: str  # the beginning of a delete line's data, up to the key
    ack: str  # ends in a dot where a position is to follow
    tail: str  # what follows that position
    after: int
    below: int = 0  # for what left: what reaches less far
    until: int = 2**62  # for what left: what was there by then; else: that is no news, but changed


class Page(NamedTuple):
    number: int  # which of those wanted, from one
    lines: bytes
    upto: int  # the position of the last line; all lines of that position are here
    is_full: bool  # there may be more


class _Bytes(Loader):
    """Text that nobody here reads need not become a string."""

    def load(self, data: Buffer) -> bytes:
        return bytes(data)


def _compose() -> bytes:
    folder = resources.files(__name__)
    page = parse(folder.joinpath("pages.sql").read_text())["pages"].text
    shapes = parse(folder.joinpath("shapes.sql").read_text())
    selects = [ONE_SHAPE.format(name=name, select=query.text) for name, query in shapes.items()]
    return page.replace("{shapes}", " UNION ALL ".join(selects)).encode()


STATEMENT = _compose()


async def read_pages(
    connection: Connection, user_id: UUID, wanted: Sequence[Wanted], *, limit: int | None = None
) -> list[Page]:
    """The next page of each of those wanted that has one, in their order."""
    columns: list[list[Any]] = [list(column) for column in zip(*wanted, strict=True)]
    values = dict(zip(Wanted._fields, columns, strict=True))
    async with connection.cursor(row_factory=namedtuple_row) as cursor:
        cursor.adapters.register_loader("text", _Bytes)
        await cursor.execute(
            STATEMENT, {**values, "limit": limit or PAGE_LINES, "user_id": user_id}
        )
        return [Page(*row) for row in await cursor.fetchall()]
