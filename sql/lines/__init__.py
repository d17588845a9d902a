"""Sync lines as bytes: pages of stored lines, joined in Postgres and passed on as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from psycopg.adapt import Buffer, Loader
from psycopg.rows import namedtuple_row

from sql.database import Connection
from sql.loader import load

PAGE_LINES = 1000

STATEMENTS = {name: query.text.encode() for name, query in load(__name__).items()}


class Wanted(NamedTuple):
    """One type of line from one place, after a position."""

    kind: str
    scope: UUID
    is_gone: bool  # the tombstones, not the living
    type: str
    field: str  # a delete line's key, where `state.gone` does not tell more
    ack: str  # what the ack says before the position
    after: int


class Page(NamedTuple):
    number: int  # which of those wanted
    lines: bytes
    upto: int  # the position of the last line; all lines of that position are here
    is_full: bool  # there may be more


class _Bytes(Loader):
    """Text that nobody here reads need not become a string."""

    def load(self, data: Buffer) -> bytes:
        return bytes(data)


async def read_pages(connection: Connection, wanted: Sequence[Wanted]) -> list[Page]:
    """The next page of each of those wanted that has one, in their order."""
    columns: list[list[object]] = [list(column) for column in zip(*wanted, strict=True)]
    values = dict(zip(Wanted._fields, columns, strict=True)) | {"limit": PAGE_LINES}
    async with connection.cursor(row_factory=namedtuple_row) as cursor:
        cursor.adapters.register_loader("text", _Bytes)
        await cursor.execute(STATEMENTS["pages"], values)
        return [Page(*row) for row in await cursor.fetchall()]
