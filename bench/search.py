"""What people wait for when they look for something, over HTTP."""

from __future__ import annotations

import http.client
import json
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from bench.figures import Figure, Timer, percentile
from bench.library import HEADERS, OWNER, populate, scratch_database, served

ASSETS, RUNS, WARM_UPS = 100_000, 40, 5

# One in ten is described, in six of 2,000 words and one they all have; a thousand cities, thirty
# cameras, two hundred people, fifty tags below one; text in one of twenty, an album of a hundredth.
PLACE = {"city": "'City ' || n * 31 %% 1000", "country": "'Country ' || n * 31 %% 40"}
EXIF = {
    "description": """CASE WHEN n %% 10 = 0 THEN (
        SELECT string_agg(substr(md5(((n * k * 7919) %% 2000)::text), 1, 7), ' ')
          FROM generate_series(1, 6) AS k) || ' holiday' ELSE '' END""",
    "model": "'Model ' || n %% 30",
    "rating": "nullif(n %% 12, 0) %% 6",
}
DETAILS = """
INSERT INTO tag (id, owner_id, value) VALUES (id_of(-1), %(owner)s, 'Places');
INSERT INTO tag (id, owner_id, parent_id, value)
SELECT id_of(-1 - n), %(owner)s, id_of(-1), 'Places/' || n FROM generate_series(1, 50) AS n;
INSERT INTO tag_asset (tag_id, asset_id)
SELECT id_of(-2 - n %% 50), id_of(n) FROM generate_series(1, %(count)s::bigint, 5) AS n;
INSERT INTO person (id, owner_id, name)
SELECT id_of(-100 - n), %(owner)s, 'Person ' || n FROM generate_series(1, 200) AS n;
INSERT INTO asset_face (asset_id, person_id, image_width, image_height, x1, y1, x2, y2, source_type)
SELECT id_of(n), id_of(-101 - n %% 200), 4032, 3024, 1, 1, 9, 9, 'machine-learning'
  FROM generate_series(1, %(count)s::bigint, 2) AS n;
INSERT INTO asset_ocr (asset_id, corners, box_score, text_score, text)
SELECT id_of(n), '{0,0,1,0,1,1,0,1}', 1, 1, 'Invoice ' || substr(md5(n::text), 1, 8)
  FROM generate_series(1, %(count)s::bigint, 20) AS n;
INSERT INTO album (id, owner_id, name) VALUES (id_of(-1000), %(owner)s, 'Trip');
INSERT INTO album_user (album_id, user_id, role) VALUES (id_of(-1000), %(owner)s, 'owner');
INSERT INTO album_asset (album_id, asset_id)
SELECT id_of(-1000), id_of(n) FROM generate_series(1, %(count)s::bigint, 100) AS n;
TRUNCATE log_staging
"""
WORD = "SELECT split_part(description, ' ', 3) FROM asset_exif WHERE description <> '' LIMIT 1"
IDS = "SELECT id_of(-1)::text, id_of(-110)::text, id_of(-1000)::text"


class Searcher:
    """One kept connection of the owner."""

    def __init__(self, url: str) -> None:
        self._http = http.client.HTTPConnection(urlsplit(url).netloc)

    def ask(self, path: str, body: Any = None) -> Any:
        method, data = ("GET", None) if body is None else ("POST", json.dumps(body))
        headers = HEADERS | {"Content-Type": "application/json"}
        self._http.request(method, f"/api/search/{path}", data, headers)
        response = self._http.getresponse()
        answer = response.read()
        assert response.status == 200, answer
        return answer

    def time(self, path: str, body: Any = None) -> float:
        """Milliseconds until all of the answer is here, most of the times."""
        times = []
        for _ in range(WARM_UPS + RUNS):
            with Timer() as timer:
                self.ask(path, body)
            times.append(timer.seconds * 1000)
        return percentile(times[WARM_UPS:], 50)


def measure(assets: int = ASSETS) -> list[Figure]:
    with scratch_database() as dsn, tempfile.TemporaryDirectory() as folder:
        with psycopg.connect(dsn) as connection:
            word, ids = _load(connection, assets)
        with served(dsn, Path(folder)) as (url, _):
            searcher = Searcher(url)
            return [
                Figure("search", name, searcher.time(path, body), "ms", aim, is_cost=True)
                for name, (path, body, aim) in _operations(searcher, assets, word, ids).items()
            ]


def _load(
    connection: psycopg.Connection[tuple[Any, ...]], assets: int
) -> tuple[str, tuple[str, ...]]:
    """A word that few describe with, and the ids of a tag, a person and an album."""
    populate(connection, assets, place=PLACE, exif=EXIF)
    for statement in DETAILS.split(";\n"):
        connection.execute(statement.encode(), {"owner": OWNER, "count": assets})
    connection.commit()
    connection.autocommit = True
    connection.execute(b"VACUUM ANALYZE")
    (word,) = connection.execute(WORD.encode()).fetchone() or ("",)
    return word, connection.execute(IDS.encode()).fetchone() or ()


def _operations(
    searcher: Searcher, assets: int, word: str, ids: tuple[str, ...]
) -> dict[str, tuple[str, Any, float | None]]:
    """By its name: the path, the body, and how many ms it should take."""
    tag_id, person_id, album_id = ids
    shown = {"trashedAt": {"eq": None}}
    middle = {"filter": shown, "size": 1000}
    for _ in range(5):
        page = json.loads(searcher.ask("metadata", middle))["assets"]
        middle["cursor"] = page["nextCursor"] or middle.get("cursor")
    return {
        "newest 250": ("metadata", {}, 5),
        "newest 250, with exif": ("metadata", {"withExif": True}, None),
        "250 from a cursor": ("metadata", middle | {"size": 250}, 5),
        "a city": ("metadata", {"city": "City 31"}, 5),
        "rating and camera": (
            "metadata", {"filter": {"rating": {"gte": 4}, "model": {"eq": "Model 10"}}}, 5),
        "a tag and those below": ("metadata", {"tagIds": [tag_id]}, 5),
        "a person": ("metadata", {"personIds": [person_id]}, 5),
        "an album": ("metadata", {"albumIds": [album_id]}, 5),
        "file name, one": ("metadata", {"originalFileName": f"IMG_{assets // 2}.j"}, 10),
        "file name, all": ("metadata", {"originalFileName": "img"}, 10),
        "description, a rare word": ("metadata", {"description": word}, 10),
        "description, a common word": ("metadata", {"description": "holiday"}, 10),
        "description, found nowhere": ("metadata", {"description": "zzyzx road"}, 10),
        "text in pictures": ("metadata", {"ocr": "c4ca4238"}, 10),
        "count all": ("statistics", {}, None),
        "count a city": ("statistics", {"city": "City 31"}, None),
        "50 by chance": ("random", {"size": 50}, None),
        "250 largest": ("large-assets", {}, None),
        "people by name": ("person?name=person+12", None, None),
        "suggested cities": ("suggestions?type=city", None, None),
        "suggested models": ("suggestions?type=camera-model", None, None),
        "explore": ("explore", None, None),
        "a photo of each city": ("cities", None, None),
    }  # fmt: skip
