"""What each kind of entity shows in its sync line: one SELECT per kind, and how it enters state.

Each SELECT gives, for `touched.scope` and `touched.key`, the line's `data` and, where the key alone
does not tell it, what the delete line would say (`gone`). What is in quarantine enters as if it
were gone, or without some fields.
"""

from __future__ import annotations

from sql.database import Connection
from sql.loader import load

FRAME = """
INSERT INTO state AS state (kind, scope, key, home, first, since, pos, reach, reached, data, gone)
SELECT %(kind)s, touched.scope, touched.key, {home}, touched.pos, touched.pos, touched.pos,
       {reach}, {reach},
       CASE WHEN held.fields IS NULL THEN entity.data ELSE without(entity.data, held.fields) END,
       entity.gone
  FROM ({touched}) AS touched
  LEFT JOIN quarantine AS held ON held.kind = %(kind)s
                              AND held.scope = touched.scope
                              AND held.key = touched.key
  LEFT JOIN LATERAL ({projection}) AS entity ON held.fields IS NULL OR held.fields <> '{{}}'
 WHERE entity.data IS NOT NULL
    OR EXISTS (SELECT 1 FROM state AS known
                WHERE known.kind = %(kind)s
                  AND known.scope = touched.scope
                  AND known.key = touched.key)
 ORDER BY touched.pos
    ON CONFLICT (kind, scope, key) DO UPDATE
   SET home    = coalesce(excluded.home, state.home),
       since   = CASE WHEN state.data IS NULL THEN excluded.since ELSE state.since END,
       pos     = excluded.pos,
       reach   = excluded.reach,
       reached = greatest(excluded.reached, state.reached),
       data    = excluded.data,
       gone    = coalesce(excluded.gone, state.gone)
"""
# What is in quarantine, as it would enter now.
TRIAL = """
UPDATE quarantine AS held
   SET is_tried = true, home = {home}, reach = {reach}, trial = entity.data
  FROM quarantine AS touched
  LEFT JOIN LATERAL ({projection}) AS entity ON true
 WHERE touched.kind = %(kind)s
   AND held.kind = touched.kind
   AND held.scope = touched.scope
   AND held.key = touched.key
"""
TOUCHED = """
    SELECT {scope} AS scope, {key} AS key, max(log.pos) AS pos
      FROM log
     CROSS JOIN unnest({ids}) AS entity (id)
           {joined}
     WHERE log.pos > %(after)s
       AND log.topic = ANY(%(topics)s)
     GROUP BY 1, 2
"""
EVERYONE = "'00000000-0000-0000-0000-000000000000'::uuid"
ENTITY = {
    "scope": "log.scope",
    "key": "entity.id",
    "ids": "log.entity_ids",
    "joined": "",
    "home": "NULL::uuid",
    "reach": "0",
}
# Where a kind's rows are not an entry's entities in its scope, or say more than others do.
PLACES = {
    # The user who is an entry's scope: shown to that user, or to all.
    "auth_user": {"key": "log.scope", "ids": "ARRAY[log.scope]"},
    "user": {"scope": EVERYONE, "key": "log.scope", "ids": "ARRAY[log.scope]"},
    "asset": {"reach": "coalesce(entity.reach, 0)"},
    "asset_exif": {"reach": "coalesce(entity.reach, 0)"},
    "stack": {"reach": "coalesce(entity.reach, 0)"},
    "album": {"home": "entity.home"},
    "album_asset": {"home": "entity.home"},
    # A change of an asset is one in every album that shows it.
    "album_view": {
        "home": "entity.home",
        "scope": "coalesce(link.album_id, log.scope)",
        "joined": """
      LEFT JOIN album_asset AS link ON link.asset_id = entity.id AND log.topic LIKE 'asset.%%'
     CROSS JOIN LATERAL (
        SELECT 1 WHERE log.topic NOT LIKE 'asset.%%' OR link.album_id IS NOT NULL) AS shown""",
    },
}

SELECTS = {kind: query.text for kind, query in load(__name__).items()}


def _statement(kind: str, select: str) -> bytes:
    place = ENTITY | PLACES.get(kind, {})
    return FRAME.format(projection=select, touched=TOUCHED.format(**place), **place).encode()


def _trial(kind: str, select: str) -> bytes:
    place = ENTITY | PLACES.get(kind, {})
    return TRIAL.format(projection=select, home=place["home"], reach=place["reach"]).encode()


STATEMENTS = {kind: _statement(kind, select) for kind, select in SELECTS.items()}
TRIALS = {kind: _trial(kind, select) for kind, select in SELECTS.items()}


async def project(connection: Connection, kind: str, *, after: int, topics: list[str]) -> None:
    """Bring into state, as of this snapshot, what those topics touched after a position."""
    values = {"kind": kind, "after": after, "topics": topics}
    await connection.execute(STATEMENTS[kind], values)


async def try_held(connection: Connection, kind: str) -> None:
    """Put beside what is in quarantine how it would be, had it never come there."""
    await connection.execute(TRIALS[kind], {"kind": kind})
