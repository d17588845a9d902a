"""What people wait for when they open their timeline, over HTTP, and what counting it costs."""

from __future__ import annotations

import http.client
import json
import tempfile
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import psycopg

from bench.figures import Figure, Timer, percentile
from bench.library import HEADERS, OWNER, populate, scratch_database, served

ASSETS, RUNS, WARM_UPS, ROUNDS = 100_000, 60, 10, 4
BUCKET = 820
# As many in a month as there are in the one that is measured; of twenty one is liked, of twenty
# five one is archived, of fifty two are stacked; a hundredth is in an album and shows a person.
TAKEN = f"timestamp '2024-06-01' - n * interval '31 days' / {BUCKET}"
ASSET = {
    "local_date_time": TAKEN,
    "file_created_at": TAKEN,
    "created_at": TAKEN,
    "is_favorite": "n %% 20 = 0",
    "visibility": "CASE WHEN n %% 25 = 0 THEN 'archive' ELSE 'timeline' END",
}
PLACE = {"city": "'Wien'", "country": "'Austria'"}
DETAILS = """
INSERT INTO stack (id, owner_id, primary_asset_id)
SELECT id_of(n), %(owner)s, id_of(n) FROM generate_series(1, %(count)s::bigint - 1, 50) AS n;
UPDATE asset SET stack_id = member.stack_id
  FROM (SELECT id_of(n) AS stack_id, id_of(n + k) AS id
          FROM generate_series(1, %(count)s::bigint - 1, 50) AS n, generate_series(0, 1) AS k)
       AS member
 WHERE member.id = asset.id;
INSERT INTO album (id, owner_id, name) VALUES (id_of(-1), %(owner)s, 'Trip');
INSERT INTO album_user (album_id, user_id, role) VALUES (id_of(-1), %(owner)s, 'owner');
INSERT INTO album_asset (album_id, asset_id)
SELECT id_of(-1), id_of(n) FROM generate_series(1, %(count)s::bigint, 100) AS n;
INSERT INTO person (id, owner_id, name) VALUES (id_of(-2), %(owner)s, 'Ada');
INSERT INTO asset_face (asset_id, person_id, image_width, image_height, x1, y1, x2, y2, source_type)
SELECT id_of(n), id_of(-2), 4032, 3024, 1, 1, 9, 9, 'machine-learning'
  FROM generate_series(1, %(count)s::bigint, 100) AS n;
TRUNCATE log_staging
"""
IDS = "SELECT id_of(-1)::text, id_of(-2)::text, id_of(1)::text"
BUCKETS, MONTH = "timeline/buckets", "timeline/bucket"
MAIN = {"visibility": "timeline", "withPartners": "true", "withStacked": "true"}

INSERT = """
INSERT INTO asset (id, owner_id, type, original_key, original_file_name, checksum, file_bytes,
                   file_created_at, file_modified_at, local_date_time)
SELECT id_of(n), %(owner)s, 'IMAGE', 'upload/' || n, 'a.jpg', sha256(n::text::bytea), 1, now(),
       now(), now()
  FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
"""
ARCHIVE = """
UPDATE asset SET visibility = CASE visibility WHEN 'archive' THEN 'timeline' ELSE 'archive' END
 WHERE id = ANY(ARRAY(SELECT id_of(n) FROM generate_series(%(first)s::bigint, %(last)s) AS n))
"""
TRIGGERS = ("assets_are_counted", "assets_are_counted_again")


class Viewer:
    """One kept connection of the owner."""

    def __init__(self, url: str) -> None:
        self._http = http.client.HTTPConnection(urlsplit(url).netloc)

    def ask(self, path: str, query: dict[str, str], etag: str = "") -> tuple[bytes, str]:
        """The answer, and its ETag."""
        headers = HEADERS | ({"If-None-Match": etag} if etag else {})
        self._http.request("GET", f"/api/{path}?{urlencode(query)}", headers=headers)
        response = self._http.getresponse()
        data = response.read()
        assert response.status == (304 if etag else 200), data
        return data, response.headers.get("ETag", "")

    def time(self, path: str, query: dict[str, str], etag: str = "") -> float:
        """Milliseconds until all of the answer is here, half of the times."""
        times = []
        for _ in range(WARM_UPS + RUNS):
            with Timer() as timer:
                self.ask(path, query, etag)
            times.append(timer.seconds * 1000)
        return percentile(times[WARM_UPS:], 50)


def measure(assets: int = ASSETS) -> list[Figure]:
    with scratch_database() as dsn, tempfile.TemporaryDirectory() as folder:
        with psycopg.connect(dsn) as connection:
            ids = _load(connection, assets)
        with served(dsn, Path(folder)) as (url, _):
            looks = _look(Viewer(url), *ids)
        with psycopg.connect(dsn, autocommit=True, prepare_threshold=2) as connection:
            return looks + _count(connection, assets)


def _load(connection: psycopg.Connection[tuple[Any, ...]], assets: int) -> tuple[str, str, str]:
    """The ids of an album, a person and an asset."""
    populate(connection, assets, asset=ASSET, place=PLACE)
    values = {"owner": OWNER, "count": assets}
    for statement in DETAILS.split(";\n"):
        connection.execute(statement.encode(), values)
    connection.commit()
    connection.autocommit = True
    connection.execute(b"VACUUM ANALYZE")
    album_id, person_id, asset_id = connection.execute(IDS.encode()).fetchone() or ("", "", "")
    return album_id, person_id, asset_id


def _look(viewer: Viewer, album_id: str, person_id: str, asset_id: str) -> list[Figure]:
    months = json.loads(viewer.ask(BUCKETS, {})[0])
    full = {"timeBucket": months[0]["timeBucket"]}
    assert months[0]["count"] == BUCKET, months[0]
    etag = viewer.ask(MONTH, full)[1]
    return [
        _figure("buckets", viewer.time(BUCKETS, MAIN), 4),
        _figure("buckets, favorites", viewer.time(BUCKETS, {"isFavorite": "true"}), 4),
        _figure("buckets, by upload", viewer.time(BUCKETS, {"orderBy": "createdAt"}), 4),
        _figure("buckets of an album of 1 %", viewer.time(BUCKETS, {"albumId": album_id})),
        _figure("buckets of a person in 1 %", viewer.time(BUCKETS, {"personId": person_id})),
        _figure("bucket, as the app asks", viewer.time(MONTH, MAIN | full), 4),
        _figure(f"bucket of {BUCKET}", viewer.time(MONTH, full), 4),
        _figure(f"bucket of {BUCKET}, unchanged", viewer.time(MONTH, full, etag)),
        _figure("bucket of an album", viewer.time(MONTH, full | {"albumId": album_id})),
        _figure("asset by id", viewer.time(f"assets/{asset_id}", {}), 2),
    ]


def _count(connection: psycopg.Connection[tuple[Any, ...]], assets: int) -> list[Figure]:
    """What counting adds to a change: the same, with it and without."""
    figures = []
    firsts = count(assets + 1, 1000)
    for name, statement, size in (
        ("an asset inserted", INSERT, 1),
        ("1,000 assets inserted", INSERT, 1000),
        ("1,000 assets archived", ARCHIVE, 1000),
    ):
        times: dict[str, list[float]] = {"not counted": [], "counted": []}
        for turn in range(2 * ROUNDS):  # By turns, as the table grows meanwhile.
            state, counted = (("DISABLE", "not counted"), ("ENABLE", "counted"))[turn % 2]
            for trigger in TRIGGERS:
                connection.execute(f"ALTER TABLE asset {state} TRIGGER {trigger}".encode())
            for run in range(WARM_UPS + RUNS // ROUNDS):
                first = 1 if statement is ARCHIVE else next(firsts)
                values = {"owner": OWNER, "first": first, "last": first + size - 1}
                with Timer() as timer:
                    connection.execute(statement.encode(), values)
                if run >= WARM_UPS:
                    times[counted].append(timer.seconds * 1000)
        figures += [_figure(f"{name}, {one}", percentile(times[one], 50)) for one in times]
    return figures


def _figure(name: str, milliseconds: float, aim: float | None = None) -> Figure:
    return Figure("timeline", name, milliseconds, "ms", aim, is_cost=True)
