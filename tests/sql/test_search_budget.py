"""What a search costs Postgres in a library of 20,000: the rows it reads, and how."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import md5
from typing import Any
from uuid import UUID

import psycopg
import pytest

from sql import Database, reads
from sql.conditions import Condition
from sql.filters import (
    Found,
    Order,
    Search,
    find_assets,
    list_shown_values,
    list_values,
    pick_assets,
)
from tests.fix_postgres import clone

ASSETS, CITIES, PAGE = 20_000, 500, 251
OWNER, PARTNER, ALBUM, PERSON, TAG = [UUID(int=(4 << 76) + n) for n in range(1, 6)]
UNLOCKED = [Condition("visibility", "ne", "locked"), Condition("trashedAt", "eq", None)]

# Hourly photos, of a partner every tenth. Every tenth is described: all of these in one common
# word, and each in one of its own.
POPULATE = f"""
INSERT INTO "user" (id, email, name) VALUES ('{OWNER}', 'a', 'A'), ('{PARTNER}', 'b', 'B');
INSERT INTO partner (shared_by_id, shared_with_id, in_timeline)
VALUES ('{PARTNER}', '{OWNER}', true);
INSERT INTO asset (id, owner_id, type, original_key, original_file_name, checksum, file_bytes,
                   file_created_at, file_modified_at, local_date_time)
SELECT md5(n::text)::uuid, CASE n % 10 WHEN 0 THEN '{PARTNER}' ELSE '{OWNER}' END::uuid, 'IMAGE',
       'upload/' || n, 'IMG_' || n || '.jpg', decode(md5(n::text), 'hex'), n,
       '2020-01-01'::timestamptz + n * interval '1 hour', now(),
       '2020-01-01'::timestamp + n * interval '1 hour'
  FROM generate_series(1, {ASSETS}) AS n;
INSERT INTO asset_exif (asset_id, description, city, model)
SELECT md5(n::text)::uuid,
       CASE WHEN n % 10 = 5 THEN 'holiday ' || md5(n::text) || ' in Wörgl' ELSE '' END,
       'City ' || n % {CITIES}, 'Model ' || n % 20
  FROM generate_series(1, {ASSETS}) AS n;
INSERT INTO album (id, owner_id, name) VALUES ('{ALBUM}', '{OWNER}', '');
INSERT INTO album_asset (album_id, asset_id)
SELECT '{ALBUM}', md5(n::text)::uuid FROM generate_series(1, {ASSETS}, 100) AS n;
INSERT INTO person (id, owner_id) VALUES ('{PERSON}', '{OWNER}');
INSERT INTO asset_face (asset_id, person_id, image_width, image_height, x1, y1, x2, y2, source_type)
SELECT md5(n::text)::uuid, CASE WHEN n % 200 = 1 THEN '{PERSON}'::uuid END, 9, 9, 1, 1, 2, 2, 'exif'
  FROM generate_series(1, {ASSETS}, 2) AS n;
INSERT INTO tag (id, owner_id, value) VALUES ('{TAG}', '{OWNER}', 'Places');
INSERT INTO tag_asset (tag_id, asset_id)
SELECT '{TAG}', md5(n::text)::uuid FROM generate_series(1, {ASSETS}, 100) AS n;
INSERT INTO asset_ocr (asset_id, corners, box_score, text_score, text)
SELECT md5(n::text)::uuid, '{{0,0,1,0,1,1,0,1}}', 1, 1, 'Invoice ' || md5(n::text)
  FROM generate_series(1, {ASSETS}, 20) AS n;
VACUUM ANALYZE
"""


class Explaining:
    """A connection that does not tell what it found, but what that took."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.plan: dict[str, Any] = {}

    async def execute(
        self, statement: bytes | str, values: dict[str, Any], **options: Any
    ) -> Explaining:
        text = statement if isinstance(statement, bytes) else statement.encode()
        explain = b"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + text
        cursor = await self._connection.execute(explain, values, **options)
        self.plan = (await cursor.fetchone())["QUERY PLAN"][0]["Plan"]
        return self

    async def ask(self, query: Any, **values: Any) -> None:
        """One of the named queries."""
        await self.execute(query.text, values)

    async def fetchall(self) -> list[Any]:
        return []

    def nodes(self) -> Iterator[dict[str, Any]]:
        waiting = [self.plan]
        while waiting:
            node = waiting.pop()
            waiting += node.get("Plans", [])
            yield node

    def rows_read(self) -> int:
        """Rows that were fetched from tables, those thrown away included."""
        thrown_away = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
        return sum(
            (node["Actual Rows"] + sum(node.get(name, 0) for name in thrown_away))
            * node["Actual Loops"]
            for node in self.nodes()
            if "Relation Name" in node
        )

    def scanned_whole(self) -> set[str]:
        return {
            node["Relation Name"]
            for node in self.nodes()
            if node["Node Type"] == "Seq Scan" and node["Actual Loops"]
        }


@pytest.fixture(scope="module")
def library(postgres):
    with clone(postgres) as dsn:
        with psycopg.connect(dsn, autocommit=True) as connection:
            for statement in POPULATE.split(";\n"):
                connection.execute(statement.encode())
        yield dsn


@pytest.fixture
async def explaining(library):
    async with Database(library) as database, database.read() as connection:
        yield Explaining(connection)


@pytest.mark.parametrize("partners", [[], [PARTNER]], ids=["alone", "with a partner"])
@pytest.mark.parametrize(
    ("conditions", "rows_max"),
    [
        ([], 900),
        ([Condition("city", "eq", "City 77")], 300),
        ([Condition("originalFileName", "like", "img_123")], 900),
        ([Condition("originalFileName", "like", "img_12345.j")], 20),
        ([Condition("originalFileName", "like", "IMG")], 900),
        ([Condition("description", "like", "C4CA4238A0B9")], 20),
        ([Condition("description", "like", "zzyzx road")], 20),
        ([Condition("description", "like", "holiday")], 10_000),
        ([Condition("description", "like", "worgl")], 10_000),
        ([Condition("ocr", "matches", "c4ca4238a0b923820dcc509a6f75849b")], 40),
        ([Condition("tagIds", "any", [TAG])], 1500),
        ([Condition("personIds", "any", [PERSON])], 1500),
        ([Condition("albumIds", "any", [ALBUM])], 1500),
        ([Condition("albumIds", "all", [ALBUM, PERSON])], 1500),
    ],
    ids=lambda value: str(value[0].value) if isinstance(value, list) and value else None,
)
async def test_a_search_reads_little(explaining, partners, conditions, rows_max):
    search = Search(OWNER, [*UNLOCKED, *conditions], partner_ids=partners)

    await find_assets(explaining, search, limit=PAGE)

    assert explaining.scanned_whole().isdisjoint({"asset", "asset_exif", "asset_ocr", "asset_face"})
    assert explaining.rows_read() <= rows_max


@pytest.mark.parametrize("direction", ["asc", "desc"])
async def test_a_page_in_the_middle_costs_what_the_first_does(explaining, direction):
    after = Found(UUID(int=0), datetime(2021, 1, 1, tzinfo=UTC))
    search = Search(OWNER, UNLOCKED, partner_ids=[PARTNER])

    await find_assets(explaining, search, Order(direction=direction), limit=PAGE, after=after)

    assert explaining.scanned_whole().isdisjoint({"asset", "asset_exif"})
    assert explaining.rows_read() <= 3 * PAGE + 10


async def test_a_rare_word_in_the_library_of_one_who_has_little(explaining):
    search = Search(PARTNER, [*UNLOCKED, Condition("originalFileName", "like", "img_123")])

    await find_assets(explaining, search, limit=PAGE)

    assert explaining.scanned_whole() == set()
    assert explaining.rows_read() <= 900


async def test_exif_is_not_read_for_nothing(explaining):
    search = Search(OWNER, UNLOCKED)

    await pick_assets(explaining, search, limit=PAGE)

    tables = {node.get("Relation Name") for node in explaining.nodes()}
    assert "asset_exif" not in tables


async def test_narrowed_suggestions_read_what_they_are_narrowed_to(explaining):
    narrowed = [Condition("city", "eq", "City 77"), Condition("model", "ne", "")]

    await list_values(explaining, Search(OWNER, [*UNLOCKED, *narrowed]), "model")

    assert explaining.scanned_whole().isdisjoint({"asset", "asset_exif"})
    assert explaining.rows_read() <= 100


@pytest.mark.parametrize(("field", "values"), [("city", CITIES), ("model", 20)])
async def test_what_there_is_to_search_by_is_found_in_steps(explaining, field, values):
    await list_shown_values(explaining, [OWNER, PARTNER], field)

    assert explaining.scanned_whole() == set()
    assert explaining.rows_read() <= 2 * 4 * values


async def test_a_photo_of_each_city_reads_one_of_each(explaining):
    await explaining.ask(reads.search.list_cities, owner_ids=[OWNER, PARTNER])

    assert explaining.scanned_whole() == set()
    assert explaining.rows_read() <= 2 * CITIES


async def test_cities_are_counted_in_an_index_alone(explaining):
    await explaining.ask(reads.search.list_main_cities, owner_id=OWNER)

    kinds = {node["Node Type"] for node in explaining.nodes() if "Relation Name" in node}
    assert kinds == {"Index Only Scan"}
    assert explaining.rows_read() <= ASSETS


async def test_the_newest_are_the_first_of_an_index(explaining):
    await explaining.ask(reads.search.list_newcomers, owner_id=OWNER)

    assert explaining.rows_read() <= 20


async def test_an_asset_reads_its_own_rows(explaining):
    await explaining.ask(
        reads.assets.show_assets,
        asset_ids=[UUID(hex=md5(b"1").hexdigest())],
        viewer_id=OWNER,
        with_exif=True,
        with_people=True,
        with_tags=True,
    )

    assert explaining.scanned_whole() <= {"person", "tag"}  # of which there is one
    assert explaining.rows_read() <= 8
