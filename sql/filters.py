"""Searches for assets: any number of conditions, composed into one statement.

Only the shape of a search (which fields, which operators) becomes SQL, and is kept; all values are
parameters. The pieces are in `sql.conditions`; sqlglot puts them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple, cast
from uuid import UUID

from sqlglot import exp

from sql import reads
from sql.conditions import COLUMNS, OWNED, Condition, compose, is_confined, parse, simplify
from sql.database import Connection
from sql.loader import Query

Direction = Literal["asc", "desc"]

# Whose assets: one's own, and what partners show in the timeline; or what is in albums that may be
# read, where others' locked and trashed assets are not to be seen.
OWN = OWNED
PARTNERS = "asset.visibility = 'timeline' AND asset.deleted_at IS NULL"
OURS = f"({OWNED} OR asset.owner_id = ANY(%(partner_ids)s) AND {PARTNERS})"
IN_ALBUMS = f"({OWNED} OR asset.deleted_at IS NULL AND asset.visibility <> 'locked')"

ORDERS = {
    "fileCreatedAt": "asset.file_created_at",
    "localDateTime": "asset.local_date_time",
    "fileSizeInBytes": "asset.file_bytes",
    "rating": "exif.rating",
}
UNRATED = {"asc": 32_767, "desc": -32_768}  # last in both
EXIF = "asset_exif AS exif"
OF_ASSET = "exif.asset_id = asset.id AND exif.owner_id = asset.owner_id"  # whose indexes begin so
# Of each owner the first value there is, and from each the next, as long as there is one: of a
# library it reads as many rows as there are values.
STEPS = f"""
WITH RECURSIVE step AS (
    SELECT owner.id AS owner_id, ''::text AS value FROM unnest(%(owner_ids)s::uuid[]) AS owner (id)
     UNION ALL
    SELECT step.owner_id, (SELECT {{column}} FROM asset_exif AS exif
                            WHERE exif.owner_id = step.owner_id AND {{column}} > step.value
                            ORDER BY {{column}} LIMIT 1)
      FROM step WHERE step.value IS NOT NULL
)
SELECT found.value FROM (
    SELECT DISTINCT step.value FROM step
     WHERE step.value <> ''
       AND (SELECT true FROM asset_exif AS exif JOIN asset ON asset.id = exif.asset_id
             WHERE exif.owner_id = step.owner_id AND {{column}} = step.value AND {PARTNERS}
             LIMIT 1)) AS found
 ORDER BY searchable(found.value), found.value
"""


class Order(NamedTuple):
    field: str = "fileCreatedAt"
    direction: Direction = "desc"


NEWEST_FIRST = Order()


class Found(NamedTuple):
    """An asset, and where it stands in the order."""

    id: UUID
    key: Any


@dataclass(slots=True, frozen=True)
class Search:
    """All of the conditions, and with `either` also those of at least one branch.

    `viewer_id`: in whose name. `partner_ids`: who else shows them their timeline. Albums that are
    named are taken to be open to the viewer.
    """

    viewer_id: UUID
    conditions: Sequence[Condition] = ()
    either: Sequence[Sequence[Condition]] = ()
    partner_ids: Sequence[UUID] = ()

    @property
    def is_in_albums(self) -> bool:
        """It finds nothing that is not in one of the albums it names."""
        return is_confined(self.conditions) or (
            bool(self.either) and all(is_confined(branch) for branch in self.either)
        )


async def find_assets(
    connection: Connection,
    search: Search,
    order: Order = NEWEST_FIRST,
    *,
    limit: int,
    offset: int = 0,
    after: Found | None = None,
    with_exif: bool = False,
    with_people: bool = False,
) -> list[reads.assets.show_assets_row]:
    """Up to so many, in order; after one that was found before, or after so many.

    Each has also the `key` by which they are in order.
    """
    shape, values = _shape_of(search)
    statement = _find(shape, order, after is not None)
    values |= {"limit": limit, "offset": offset, "upto": offset + limit}
    values |= {"with_exif": with_exif, "with_people": with_people, "with_tags": False}
    if after:
        values |= {"after_id": after.id, "after_key": after.key}
    return await _fetch(connection, statement, values)


async def pick_assets(connection: Connection, search: Search, *, limit: int) -> list[UUID]:
    """Some, by chance."""
    shape, values = _shape_of(search)
    rows = await _fetch(connection, _pick(shape), values | {"limit": limit})
    return [row["id"] for row in rows]


async def count_assets(connection: Connection, search: Search) -> int:
    shape, values = _shape_of(search)
    (row,) = await _fetch(connection, _count(shape), values)
    return int(row["total"])


async def list_shown_values(
    connection: Connection, owner_ids: Sequence[UUID], field: str
) -> list[str]:
    """What is in a column of all that is in timelines, each once, as people sort words."""
    statement = STEPS.format(column=COLUMNS[field]).encode()
    cursor = await connection.execute(statement, {"owner_ids": list(owner_ids)})
    return [row["value"] for row in await cursor.fetchall()]


async def list_values(connection: Connection, search: Search, field: str) -> list[str]:
    """What is in a column of the assets found, each once, as people sort words."""
    shape, values = _shape_of(search)
    return [row["value"] for row in await _fetch(connection, _values(shape, field), values)]


async def _fetch(connection: Connection, statement: bytes, values: dict[str, Any]) -> list[Any]:
    """Planned for these values: what finds a rare word is no way to find a common one."""
    cursor = await connection.execute(statement, values, prepare=False)
    return await cursor.fetchall()


class _Shape(NamedTuple):
    """A search without its values; each condition is its field, operator, and parameter."""

    conditions: tuple[tuple[str, str, str], ...]
    either: tuple[tuple[tuple[str, str, str], ...], ...]
    is_in_albums: bool
    album_branches: tuple[bool, ...]
    has_partners: bool


def _shape_of(search: Search) -> tuple[_Shape, dict[str, Any]]:
    values: dict[str, Any] = {
        "viewer_id": search.viewer_id,
        "partner_ids": list(search.partner_ids),
    }

    def outline(conditions: Sequence[Condition]) -> tuple[tuple[str, str, str], ...]:
        outlined = []
        for condition in (simple for one in conditions for simple in simplify(one)):
            name = f"value{len(values)}"
            values[name] = condition.value
            outlined.append((condition.field, condition.operator, name))
        return tuple(outlined)

    shape = _Shape(
        outline(search.conditions),
        tuple(outline(branch) for branch in search.either),
        search.is_in_albums,
        tuple(is_confined(branch) for branch in search.either),
        bool(search.partner_ids),
    )
    return shape, values


def _where(shape: _Shape, scope: str | None) -> exp.Expr:
    """All of the conditions, and whose assets: said once, or in each branch if these differ."""
    trees = [parse(scope)] if scope else []
    trees += [compose(*condition) for condition in shape.conditions]
    branches = []
    for branch, is_album in zip(shape.either, shape.album_branches, strict=True):
        pieces = [compose(*condition) for condition in branch]
        if scope is None:
            pieces.append(parse(IN_ALBUMS if is_album else OURS))
        branches.append(exp.and_(*pieces) if pieces else exp.true())
    if branches:
        trees.append(exp.or_(*branches))
    return exp.and_(*trees)


def _scope(shape: _Shape) -> str | None:
    """Whose assets a search is among; None: that differs by branch."""
    if shape.is_in_albums:
        return IN_ALBUMS
    if any(shape.album_branches):
        return None
    return OURS if shape.has_partners else OWN


def _select(shape: _Shape, scope: str | None, *columns: exp.Expr | str) -> exp.Select:
    return (
        exp.select(*columns, dialect="postgres")
        .from_("asset")
        .join(EXIF, on=OF_ASSET, join_type="left", dialect="postgres")
        .where(_where(shape, scope), dialect="postgres")
    )


def _sort_key(order: Order) -> exp.Expr:
    column = ORDERS[order.field]
    if order.field == "rating":
        column = f"coalesce({column}, {UNRATED[order.direction]})"
    return parse(column)


def _page(shape: _Shape, scope: str | None, order: Order, is_next: bool) -> exp.Select:
    """The first of those in one scope."""
    key = _sort_key(order)
    select = _select(shape, scope, "asset.id", exp.alias_(key, "key"))
    if is_next:
        compare = "<" if order.direction == "desc" else ">"
        after = f"({key.sql(dialect='postgres')}, asset.id) {compare} (%(after_key)s, %(after_id)s)"
        select = select.where(parse(after))
    is_desc = order.direction == "desc"  # nulls first then, or the index would be no help
    ordering = [
        exp.Ordered(this=by, desc=is_desc, nulls_first=is_desc)
        for by in (key, exp.column("id", "asset"))
    ]
    return select.order_by(*ordering)


@lru_cache(maxsize=256)
def _find(shape: _Shape, order: Order, is_next: bool) -> bytes:
    """The first, shown as by their ids: to send those here and back takes longer than to plan."""
    is_desc = order.direction == "desc"
    shown = cast(Query, reads.assets.show_assets)
    select = cast(exp.Select, parse(shown.text)).select("found.key")
    select.set("where", None)
    first = _first(shape, order, is_next).subquery("found")
    return _text(
        select.join(first, on="found.id = asset.id").order_by(
            *(
                exp.Ordered(this=exp.column(name, "found"), desc=is_desc, nulls_first=is_desc)
                for name in ("key", "id")
            )
        )
    )


def _first(shape: _Shape, order: Order, is_next: bool) -> exp.Query:
    """Each owner's assets are in order in an index: each gives its first, and those are merged."""
    limit, offset, upto = (exp.Placeholder(this=name) for name in ("limit", "offset", "upto"))
    if not shape.has_partners or _scope(shape) != OURS:
        return _page(shape, _scope(shape), order, is_next).limit(limit).offset(offset)
    own = _page(shape, OWN, order, is_next).limit(upto)
    of_partner = f"asset.owner_id = partner.id AND {PARTNERS}"
    theirs = _page(shape, of_partner, order, is_next).limit(upto)
    return exp.maybe_parse(
        f"""
        SELECT found.id, found.key FROM (
            ({own.sql(dialect="postgres")}) UNION ALL
            SELECT shown.id, shown.key FROM unnest(%(partner_ids)s) AS partner (id)
             CROSS JOIN LATERAL ({theirs.sql(dialect="postgres")}) AS shown) AS found
         ORDER BY found.key {order.direction}, found.id {order.direction}
         LIMIT %(limit)s OFFSET %(offset)s""",
        dialect="postgres",
    )


@lru_cache(maxsize=256)
def _pick(shape: _Shape) -> bytes:
    select = _select(shape, _scope(shape), "asset.id")
    return _text(select.order_by("random()").limit(exp.Placeholder(this="limit")))


@lru_cache(maxsize=256)
def _count(shape: _Shape) -> bytes:
    return _text(_select(shape, _scope(shape), "count(*) AS total"))


@lru_cache(maxsize=256)
def _values(shape: _Shape, field: str) -> bytes:
    select = _select(shape, _scope(shape), f"{COLUMNS[field]} AS value").distinct()
    return f"""
        SELECT found.value FROM ({select.sql(dialect="postgres")}) AS found
         ORDER BY searchable(found.value), found.value""".encode()


def _text(tree: exp.Expr) -> bytes:
    return tree.sql(dialect="postgres", comments=False).encode()
