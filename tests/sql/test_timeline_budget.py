"""What a look at the timeline may cost: it reads what it shows, however much else there is."""

from __future__ import annotations

import json
from datetime import date
from uuid import UUID

import pytest

from sql import reads
from sql.loader import Query
from tests.operations.state import miscounted

OWNER, PARTNER = UUID(int=1), UUID(int=2)
ASSETS, MONTHS = 20_000, 24
POPULATE = f"""
INSERT INTO "user" (id, email, name)
SELECT ('00000000-0000-0000-0000-00000000000' || n)::uuid, n, n FROM generate_series(1, 2) AS n;
INSERT INTO asset (id, owner_id, type, original_key, original_file_name, checksum, file_bytes,
                   file_created_at, file_modified_at, local_date_time, created_at)
SELECT gen_random_uuid(), ('00000000-0000-0000-0000-00000000000' || 1 + n % 2)::uuid, 'IMAGE',
       'upload/' || n || '/a.jpg', 'a.jpg', sha256(n::text::bytea), 1, at, at, at, at
  FROM generate_series(1, {ASSETS}) AS n,
       LATERAL (SELECT timestamp '2023-01-01' + n * interval '2 years' / {ASSETS} AS at) AS taken;
INSERT INTO asset_exif (asset_id, latitude, longitude, city)
SELECT id, 47, 15, 'Graz' FROM asset;
INSERT INTO partner VALUES (DEFAULT, '{PARTNER}', '{OWNER}', true);
ANALYZE asset, asset_exif, timeline_count;
"""
ASKED = {
    "viewer_id": OWNER, "owner_id": OWNER, "album_id": None, "person_id": None, "tag_id": None,
    "is_favorite": None, "is_trashed": False, "visibilities": ["timeline"],
    "order_by": "takenAt", "is_ascending": False, "with_partners": False, "with_stacked": True,
    "with_places": True, "with_coordinates": False, "month": date(2024, 5, 1),
    "west": None, "south": None, "east": None, "north": None,
}  # fmt: skip


@pytest.fixture
async def connection(database):
    async with database.read() as connection:
        for statement in POPULATE.split(";\n"):
            await connection.execute(statement.encode())
        assert await miscounted(database) == []
        yield connection


@pytest.fixture
def explain(connection):
    """The nodes of a query's plan, as it is once it is prepared for good."""

    async def explain(query, **values):
        assert isinstance(query, Query)
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        text = b"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + query.text.encode()
        cursor = await connection.execute(text, ASKED | values, prepare=True)
        ((found,),) = [row.values() for row in await cursor.fetchall()]
        await connection.execute("RESET plan_cache_mode")
        plan = found[0]["Plan"] if not isinstance(found, str) else json.loads(found)[0]["Plan"]
        return list(nodes(plan))

    return explain


def nodes(plan):
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def rows_read(plan, table):
    """Of a table, with those that were read in vain."""
    return sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in plan
        if node.get("Relation Name") == table
    )


async def test_the_months_are_summed_without_a_look_at_assets(explain):
    for order_by in ("takenAt", "createdAt"):
        plan = await explain(reads.timeline.count_library, order_by=order_by)
        assert rows_read(plan, "asset") == 0
        assert rows_read(plan, "timeline_count") <= 4 * MONTHS + 10


async def test_a_month_reads_what_it_shows(connection, explain):
    shown = ASSETS // 2 / MONTHS
    for order_by in ("takenAt", "createdAt"):
        plan = await explain(reads.timeline.get_bucket, order_by=order_by)
        assert rows_read(plan, "asset") <= 1.1 * shown
        assert rows_read(plan, "asset_exif") == 0
        assert plan[0]["Shared Hit Blocks"] <= 2.5 * shown


async def test_a_month_of_two_libraries_reads_what_it_shows(explain):
    plan = await explain(
        reads.timeline.get_bucket, viewer_id=PARTNER, owner_id=PARTNER, with_partners=True
    )
    assert rows_read(plan, "asset") <= 1.1 * ASSETS / MONTHS


async def test_an_album_reads_what_is_in_it(connection, explain):
    album_id = UUID(int=9)
    await connection.execute(
        "INSERT INTO album (id, owner_id, name) VALUES (%s, %s, '')", [album_id, OWNER]
    )
    await connection.execute(
        "INSERT INTO album_asset SELECT %s, id FROM asset WHERE owner_id = %s"
        " ORDER BY local_date_time DESC LIMIT 300",
        [album_id, OWNER],
    )
    for query in (reads.timeline.count_picked, reads.timeline.get_bucket):
        plan = await explain(query, album_id=album_id, owner_id=None)
        assert rows_read(plan, "asset") <= 300
        assert rows_read(plan, "asset_exif") == 0


async def test_a_person_or_a_tag_reads_what_it_is_seen_in(connection, explain):
    some = "SELECT %s, id FROM asset WHERE owner_id = %s ORDER BY local_date_time LIMIT 300"
    key = UUID(int=9)
    await connection.execute("INSERT INTO person (id, owner_id) VALUES (%s, %s)", [key, OWNER])
    await connection.execute(
        "INSERT INTO asset_face (person_id, asset_id, image_width, image_height, x1, y1, x2, y2,"
        f" source_type) SELECT few.*, 9, 9, 1, 1, 2, 2, 'manual' FROM ({some}) AS few",
        [key, OWNER],
    )
    await connection.execute(
        "INSERT INTO tag (id, owner_id, value) VALUES (%s, %s, 'a')", [key, OWNER]
    )
    await connection.execute(f"INSERT INTO tag_asset {some}", [key, OWNER])

    for name in ("person_id", "tag_id"):
        plan = await explain(reads.timeline.count_picked, **{name: key})
        assert rows_read(plan, "asset") <= 300
        assert rows_read(plan, "asset_exif") == 0


async def test_a_box_reads_what_is_in_its_latitudes(connection, explain):
    await connection.execute(
        "UPDATE asset_exif SET latitude = -17 WHERE asset_id IN (SELECT id FROM asset LIMIT 50)"
    )
    box = {"west": 14.0, "east": 16.0, "south": -18.0, "north": -16.0}
    plan = await explain(reads.timeline.count_picked, **box)
    assert rows_read(plan, "asset") <= 50


async def test_a_day_of_a_year_reads_that_year(explain):
    values = {"first": date(2024, 5, 1), "last": date(2024, 5, 31)}
    for type_ in ("Upload", "Taken"):
        plan = await explain(reads.timeline.count_days, type=type_, **values)
        assert rows_read(plan, "asset") <= 1.1 * ASSETS / 2 / MONTHS


async def test_a_folder_reads_what_lies_in_it(explain):
    plan = await explain(reads.views.list_folder, folder="upload/7")
    assert rows_read(plan, "asset") <= 1
