"""A library that grew under an older schema is, after an upgrade, as if it had not."""

from __future__ import annotations

from importlib import resources
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.rows import namedtuple_row

from sql.migrate import LEDGER, migrate

OLD = "0028"  # What is at least as new is not applied yet.
OWNER, OTHER = UUID(int=1), UUID(int=2)
GROWN = """
INSERT INTO "user" (id, email, name) VALUES (%(owner)s, 'a', 'a'), (%(other)s, 'b', 'b');
INSERT INTO asset (id, owner_id, type, original_key, original_file_name, checksum, file_bytes,
                   file_created_at, file_modified_at, local_date_time)
SELECT ('00000000-0000-0000-0000-' || lpad(number::text, 12, '0'))::uuid,
       CASE WHEN number %% 2 = 0 THEN %(owner)s ELSE %(other)s END, 'IMAGE', number::text, 'a.jpg',
       number::text::bytea, 1, now(), now(), now()
  FROM generate_series(1, 50) AS number;
INSERT INTO asset_exif (asset_id, city, country, latitude, longitude)
SELECT asset.id, place.city, place.country, place.latitude, place.longitude
  FROM asset
  LEFT JOIN (VALUES ('Vienna', 'Austria', 48.2::float8, 16.4::float8)) AS place
            (city, country, latitude, longitude) ON asset.owner_id = %(owner)s;
INSERT INTO log (pos, at, topic, scope, entity_ids, audience, facts)
VALUES (1, now(), 'asset.uploaded', %(owner)s, ARRAY[%(owner)s], '{}', '');
INSERT INTO job (queue, pos, entity_id) VALUES ('metadata', 1, %(owner)s);
INSERT INTO shared_link (user_id, key, is_upload_allowed, is_download_allowed, is_metadata_shown)
VALUES (%(owner)s, '1', true, true, true), (%(owner)s, '2', true, true, true);
"""


@pytest.fixture
def old(postgres):
    """The DSN of a database with an older schema, and rows in it."""
    name = f"heliograph_{uuid4().hex[:12]}"
    dsn = make_conninfo(postgres, dbname=name)
    with psycopg.connect(postgres, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        with psycopg.connect(dsn, cursor_factory=psycopg.ClientCursor) as connection:
            connection.execute(LEDGER)
            for file in sorted(resources.files("sql").joinpath("schema").iterdir(), key=str):
                if file.name.endswith(".sql") and file.name < OLD:
                    connection.execute(file.read_text())
                    connection.execute("INSERT INTO migration (name) VALUES (%s)", [file.name])
            connection.execute(GROWN, {"owner": OWNER, "other": OTHER})
        yield dsn
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def upgraded(old):
    migrate(old)
    with psycopg.connect(old, row_factory=namedtuple_row) as connection:
        yield connection


def test_an_upgrade_is_done_once(old):
    assert min(migrate(old)) >= OLD
    assert migrate(old) == []


def test_assets_say_where_they_were_taken_and_exif_whose_it_is(upgraded):
    rows = upgraded.execute("""
        SELECT asset.owner_id, exif.owner_id AS exif_owner_id, asset.city, asset.country,
               asset.latitude, asset.longitude
          FROM asset JOIN asset_exif AS exif ON exif.asset_id = asset.id""").fetchall()

    assert len(rows) == 50
    assert all(row.exif_owner_id == row.owner_id for row in rows)
    places = {row.owner_id: row[2:] for row in rows}
    assert places == {OWNER: ("Vienna", "Austria", 48.2, 16.4), OTHER: (None,) * 4}


def test_they_go_on_to_follow_their_exif(upgraded):
    upgraded.execute("UPDATE asset_exif SET city = 'Graz', latitude = NULL WHERE city = 'Vienna'")

    found = upgraded.execute("SELECT DISTINCT owner_id, city, latitude FROM asset").fetchall()
    assert set(found) == {(OWNER, "Graz", None), (OTHER, None, None)}


def test_jobs_that_wait_are_in_the_turn_of_whom_they_are_for(upgraded):
    rows = upgraded.execute("SELECT job.scope, job.is_backlog FROM job").fetchall()
    assert rows == [(OWNER, False)]


def test_each_link_has_a_secret_of_its_own(upgraded):
    secrets = {row.secret for row in upgraded.execute("SELECT secret FROM shared_link")}
    assert [len(secret) for secret in secrets] == [32, 32]
