"""What each kind of entity shows in its sync line: one SELECT per kind, and how it enters state.

Each SELECT gives, for `touched.scope` and `touched.key`, the line's `data` and, where the key alone
does not tell it, what the delete line would say (`gone`). What came and went before it was ever
in state leaves no tombstone: nobody knows of it, and nothing tells what it was called.
"""

from __future__ import annotations

from sql.database import Connection
from sql.loader import load

FRAME = """
INSERT INTO state (kind, scope, key, pos, data, gone)
SELECT %(kind)s, touched.scope, touched.key, touched.pos, entity.data, entity.gone
  FROM (
    SELECT {scope} AS scope, {key} AS key, max(log.pos) AS pos
      FROM log
     CROSS JOIN unnest({ids}) AS entity (id)
     WHERE log.pos > %(after)s
       AND log.topic = ANY(%(topics)s)
     GROUP BY 1, 2
  ) AS touched
  LEFT JOIN LATERAL ({projection}) AS entity ON true
 WHERE entity.data IS NOT NULL
    OR EXISTS (SELECT 1 FROM state AS known
                WHERE known.kind = %(kind)s
                  AND known.scope = touched.scope
                  AND known.key = touched.key)
 ORDER BY touched.pos
    ON CONFLICT (kind, scope, key) DO UPDATE
   SET pos  = excluded.pos,
       data = excluded.data,
       gone = coalesce(excluded.gone, state.gone)
"""

EVERYONE = "'00000000-0000-0000-0000-000000000000'::uuid"
ENTITY = {"scope": "log.scope", "key": "entity.id", "ids": "log.entity_ids"}
# Kinds that show the user who is an entry's scope: to that user, or to all.
PLACES = {
    "auth_user": {"scope": "log.scope", "key": "log.scope", "ids": "ARRAY[log.scope]"},
    "user": {"scope": EVERYONE, "key": "log.scope", "ids": "ARRAY[log.scope]"},
}

SELECTS = {kind: query.text for kind, query in load(__name__).items()}
STATEMENTS = {
    kind: FRAME.format(projection=select, **PLACES.get(kind, ENTITY)).encode()
    for kind, select in SELECTS.items()
}


async def project(connection: Connection, kind: str, *, after: int, topics: list[str]) -> None:
    """Bring into state, as of this snapshot, what those topics touched after a position."""
    values = {"kind": kind, "after": after, "topics": topics}
    await connection.execute(STATEMENTS[kind], values)
