"""What a look at people may cost: it reads people, not the pictures they are seen in."""

from __future__ import annotations

from uuid import UUID

import pytest

from sql import reads

OWNER = UUID(int=1)
ASSETS, PEOPLE, FACES = 5000, 200, 20_000
POPULATE = f"""
INSERT INTO "user" (id, email, name) VALUES ('{OWNER}', 'a', 'a');
INSERT INTO asset (id, owner_id, type, original_key, original_file_name, checksum, file_bytes,
                   file_created_at, file_modified_at, local_date_time)
SELECT md5('a' || n)::uuid, '{OWNER}', 'IMAGE', 'upload/a.jpg', 'a.jpg', sha256(n::text::bytea), 1,
       now(), now(), now()
  FROM generate_series(1, {ASSETS}) AS n;
INSERT INTO person (id, owner_id) SELECT md5('p' || n)::uuid, '{OWNER}'
  FROM generate_series(0, {PEOPLE} - 1) AS n;
INSERT INTO asset_face (asset_id, person_id, image_width, image_height, x1, y1, x2, y2, source_type)
SELECT md5('a' || (1 + n % {ASSETS}))::uuid, md5('p' || n % {PEOPLE})::uuid, 9, 9, 1, 1, 2, 2,
       'exif'
  FROM generate_series(1, {FACES}) AS n;
ANALYZE asset, asset_face, person, person_count;
"""
ASKED = {
    "owner_id": OWNER,
    "with_hidden": False,
    "minimum_faces": 3,
    "offset": 0,
    "limit": 50,
}


@pytest.fixture
async def connection(database):
    async with database.read() as connection:
        for statement in POPULATE.split(";\n"):
            await connection.execute(statement.encode())
        yield connection


def tables(plan):
    """Those that are looked at, with how many rows."""
    found = (
        {plan["Relation Name"]: plan["Actual Rows"] * plan["Actual Loops"]}
        if ("Relation Name" in plan)
        else {}
    )
    for below in plan.get("Plans", ()):
        for name, rows in tables(below).items():
            found[name] = found.get(name, 0) + rows
    return found


async def test_a_list_of_people_reads_people_and_counts(connection):
    row = await reads.people.list_people(connection, **ASKED)
    assert (row["total"], row["hidden"], len(row["people"])) == (PEOPLE, 0, 51)

    text = f"EXPLAIN (ANALYZE, FORMAT JSON) {reads.people.list_people.text}"
    cursor = await connection.execute(text.encode(), ASKED)
    ((found,),) = [row.values() for row in await cursor.fetchall()]

    read = tables(found[0]["Plan"])
    assert read.keys() <= {"person", "person_count", "user_metadata"}
    assert read["person_count"] <= PEOPLE + 10
    assert read["person"] <= 2 * PEOPLE
