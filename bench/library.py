"""What the benchmarks run on: a durable Postgres, a served instance, a big library."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import msgspec
import psycopg

from server.authentication import hash_token
from sql.embedded import Postgres
from sql.migrate import migrate

OWNER = UUID("00000000-0000-4000-8000-000000000001")
SESSION = UUID("00000000-0000-4000-8000-000000000002")
TOKEN = "benchmark"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
ROOT = Path(__file__).parent.parent
MOBILE_TYPES = """
AuthUsersV1 UsersV1 AssetsV2 AssetExifsV1 AssetEditsV1 AssetMetadataV1 PartnersV1 PartnerAssetsV2
PartnerAssetExifsV1 AlbumsV2 AlbumUsersV1 AlbumAssetsV2 AlbumAssetExifsV1 AlbumToAssetsV1 MemoriesV1
MemoryToAssetsV1 StacksV1 PartnerStacksV1 UserMetadataV1 PeopleV1 AssetFacesV2 AssetOcrV1
"""
TYPES = MOBILE_TYPES.split()

POPULATE = """
INSERT INTO setting (name, value)  -- what is done unasked must not be measured
VALUES ('nightlyTasks.generateMemories', 'false'), ('nightlyTasks.missingThumbnails', 'false');
INSERT INTO "user" (id, email, name, is_admin)
VALUES (%(owner)s, 'owner@example.org', 'Owner', true);
INSERT INTO session (id, user_id, token_hash) VALUES (%(session)s, %(owner)s, %(token_hash)s);
INSERT INTO log_staging (topic, scope, entity_ids, audience, facts)
VALUES ('user.created', %(owner)s, ARRAY[%(owner)s], '{}', %(facts)s)
"""
# What is in the columns of the asset of a number, n; what of its exif row is in both is told once.
ASSET = {
    "id": "id_of(n)",
    "owner_id": "%(owner)s",
    "type": "'IMAGE'",
    "original_key": "'upload/' || id_of(n) || '.jpg'",
    "original_file_name": "'IMG_' || n || '.jpg'",
    "checksum": "substr(sha256(n::text::bytea), 1, 20)",
    "file_bytes": "3500000 + n",
    "file_created_at": "now() - n * interval '1 hour'",
    "file_modified_at": "now()",
    "local_date_time": "now() - n * interval '1 hour'",
    "thumbhash": "substr(sha256(n::text::bytea), 1, 25)",
    "width": "4032",
    "height": "3024",
}
PLACE = {"latitude": "48.2082", "longitude": "16.3738"}
EXIF = {
    "asset_id": "id_of(n)",
    "owner_id": "%(owner)s",
    "exif_image_width": "4032",
    "exif_image_height": "3024",
    "orientation": "'1'",
    "date_time_original": "now() - n * interval '1 hour'",
    "time_zone": "'UTC+2'",
    "make": "'Apple'",
    "model": "'iPhone 15 Pro'",
    "lens_model": "'iPhone 15 Pro back triple camera 6.765mm f/1.78'",
    "f_number": "1.78",
    "focal_length": "6.765",
    "iso": "80",
    "exposure_time": "'1/120'",
}
# A version 4 id that a number tells.
ID_OF = """
CREATE FUNCTION id_of(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
RETURN overlay(overlay(md5(n::text) PLACING '4' FROM 13) PLACING '8' FROM 17)::uuid
"""
STAGE = """
INSERT INTO log_staging (topic, scope, entity_ids, audience, facts)
SELECT %(topic)s, %(owner)s, ARRAY[id_of(n)], ARRAY[%(owner)s::uuid], %(facts)s
  FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
"""


@contextmanager
def scratch_database() -> Iterator[str]:
    """The DSN of a migrated database on a Postgres with the product's own settings."""
    with tempfile.TemporaryDirectory(prefix="heliograph-bench-") as folder:
        postgres = Postgres(Path(folder))
        dsn = postgres.start()
        try:
            migrate(dsn)
            with psycopg.connect(dsn) as connection:
                connection.execute(ID_OF.encode())
            yield dsn
        finally:
            postgres.stop()


def populate(
    connection: psycopg.Connection[tuple[object, ...]],
    count: int,
    *,
    asset: Mapping[str, str] | None = None,
    place: Mapping[str, str] | None = None,
    exif: Mapping[str, str] | None = None,
) -> None:
    """One owner, logged in, with so many assets; they are staged, one entry each.

    Columns may be given in SQL. They are inserted as they are to be: to change rows later would
    take twice as long, and leave as many dead ones.
    """
    values = {
        "owner": OWNER,
        "session": SESSION,
        "token_hash": hash_token(TOKEN),
        "facts": msgspec.msgpack.encode({}),
        "count": count,
    }
    places = PLACE | dict(place or {})
    statements = [
        *POPULATE.split(";\n"),
        _insert("asset", ASSET | places | dict(asset or {})),
        _insert("asset_exif", EXIF | places | dict(exif or {})),
    ]
    for statement in statements:
        connection.execute(statement.encode(), values)
    stage(connection, "asset.updated", 1, count)
    connection.commit()
    connection.execute(b"ANALYZE")
    connection.commit()


def _insert(table: str, columns: Mapping[str, str]) -> str:
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())}"
        " FROM generate_series(1, %(count)s::bigint) AS n"
    )


def stage(
    connection: psycopg.Connection[tuple[object, ...]], topic: str, first: int, last: int
) -> None:
    """One entry for each asset of a range."""
    connection.execute(
        STAGE.encode(),
        {
            "topic": topic,
            "owner": OWNER,
            "first": first,
            "last": last,
            "facts": msgspec.msgpack.encode({"is_told": False}),
        },
    )


def wait_until_sequenced(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        while connection.execute("SELECT EXISTS (SELECT 1 FROM log_staging)").fetchone() == (True,):
            connection.execute("SELECT pg_sleep(0.01)")


def stored_bytes(dsn: str) -> dict[str, int]:
    """What the biggest tables take, with their indexes, and the whole database."""
    tables = ["asset", "asset_exif", "state", "log"]
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            """
            SELECT name, (SELECT sum(pg_total_relation_size(pg_class.oid))
                            FROM pg_class
                            LEFT JOIN pg_inherits ON inhrelid = pg_class.oid
                           WHERE name::regclass IN (pg_class.oid, inhparent))
              FROM unnest(%(tables)s::text[]) AS name
             UNION ALL
            SELECT 'the database', pg_database_size(current_database())
            """,
            {"tables": tables},
        )
        return {str(name): int(size) for name, size in rows.fetchall()}


@contextmanager
def served(dsn: str, root: Path, module: str = "server") -> Iterator[tuple[str, int]]:
    """A process of ours; its URL, if it has one, and its pid."""
    environment = os.environ | {
        "DATABASE_URL": dsn,
        "HELIOGRAPH_PORT": "0",
        "HELIOGRAPH_DATA": str(root),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", module], env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        ready = process.stdout.readline().split()
        assert ready[:1] == ["ready"], f"{module} did not start"
        yield (ready[1] if len(ready) > 1 else "", process.pid)
    finally:
        process.terminate()
        process.wait()
        if process.stdout:
            process.stdout.close()
