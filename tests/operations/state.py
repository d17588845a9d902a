"""Compare the state with what a projection of everything, now, would make of the rows."""

from __future__ import annotations

from typing import Any

from sql import Database
from sql.projections import SELECTS

# Each kind's rows in the state, as (scope, key), from the tables.
ENTITIES = {
    "user": "SELECT '00000000-0000-0000-0000-000000000000'::uuid, id FROM \"user\"",
    "auth_user": 'SELECT id, id FROM "user"',
    "user_metadata": "SELECT user_id, id FROM user_metadata",
    "asset": "SELECT owner_id, id FROM asset",
    "asset_exif": "SELECT owner_id, id FROM asset",
    "asset_metadata": "SELECT owner_id, m.id FROM asset_metadata m JOIN asset a ON a.id = asset_id",
    "asset_edit": "SELECT owner_id, e.id FROM asset_edit e JOIN asset a ON a.id = asset_id",
    "asset_ocr": "SELECT owner_id, o.id FROM asset_ocr o JOIN asset a ON a.id = asset_id",
    "asset_face": "SELECT owner_id, f.id FROM asset_face f JOIN asset a ON a.id = asset_id",
    "person": "SELECT owner_id, id FROM person",
    "memory": "SELECT owner_id, id FROM memory",
    "memory_asset": "SELECT owner_id, l.id FROM memory_asset l JOIN memory m ON m.id = memory_id",
    "stack": "SELECT owner_id, id FROM stack",
    "album": "SELECT id, id FROM album",
    "album_user": "SELECT album_id, user_id FROM album_user",
    "album_grant": "SELECT user_id, album_id FROM album_user",
    "album_asset": "SELECT album_id, asset_id FROM album_asset",
    "album_view": "SELECT album_id, asset_id FROM album_asset",
    "partner": "SELECT shared_by_id, id FROM partner UNION SELECT shared_with_id, id FROM partner",
    "partner_grant": "SELECT shared_with_id, shared_by_id FROM partner",
}
# Rows that are there and should not be, are not and should, or say something else.
STALE = """
SELECT '{kind}' AS kind, touched.scope, touched.key, touched.data AS state, entity.data AS rows
  FROM (
    SELECT scope, key, max(data) AS data FROM (
        SELECT scope, key, data FROM state WHERE kind = '{kind}'
         UNION ALL
        SELECT *, NULL FROM ({entities}) AS entities (scope, key)) AS both_sides
     GROUP BY scope, key
  ) AS touched
  LEFT JOIN LATERAL ({projection}) AS entity ON true
 WHERE touched.data IS DISTINCT FROM entity.data
"""


async def differences(database: Database) -> list[dict[str, Any]]:
    """Where the state is not what the rows say; and stacks that do not agree with their members."""
    assert set(ENTITIES) == set(SELECTS)
    found: list[dict[str, Any]] = []
    async with database.snapshot() as connection:
        for kind, projection in SELECTS.items():
            query = STALE.format(kind=kind, projection=projection, entities=ENTITIES[kind])
            found += await (await connection.execute(query.encode())).fetchall()
        found += await (await connection.execute(BROKEN_STACKS.encode())).fetchall()
        found += await (await connection.execute(MISCOUNTED.encode())).fetchall()
        found += await (await connection.execute(MISCOUNTED_PEOPLE.encode())).fetchall()
        found += await (await connection.execute(MISPLACED.encode())).fetchall()
    return found


async def miscounted(database: Database) -> list[dict[str, Any]]:
    """Places of the timeline of which another number of assets is kept than there is."""
    async with database.read() as connection:
        return await (await connection.execute(MISCOUNTED.encode())).fetchall()


BROKEN_STACKS = """
SELECT stack.id AS stack, stack.primary_asset_id, array_agg(asset.id) AS members
  FROM stack
  LEFT JOIN asset ON asset.stack_id = stack.id
 GROUP BY stack.id
HAVING count(asset.id) < 2 OR NOT bool_or(asset.id = stack.primary_asset_id)
"""

MISCOUNTED = """
SELECT owner_id, order_by, month, visibility, is_trashed, is_favorite, is_covered,
       sum(amount) FILTER (WHERE is_kept) AS kept,
       -sum(amount) FILTER (WHERE NOT is_kept) AS counted
  FROM (
    SELECT owner_id, order_by, month, visibility, is_trashed, is_favorite, is_covered, amount,
           true AS is_kept
      FROM timeline_count
     UNION ALL
    SELECT owner_id, dated.order_by, date_trunc('month', dated.at)::date, visibility,
           deleted_at IS NOT NULL, is_favorite,
           EXISTS (SELECT FROM stack WHERE stack.id = asset.stack_id
                                       AND stack.primary_asset_id <> asset.id), -1, false
      FROM asset, LATERAL (VALUES ('takenAt', local_date_time),
                                  ('createdAt', created_at AT TIME ZONE 'UTC'))
                         AS dated (order_by, at)
  ) AS both_sides
 GROUP BY 1, 2, 3, 4, 5, 6, 7
HAVING sum(amount) <> 0
"""

# People of whom another number of faces in the timeline is kept than there is.
MISCOUNTED_PEOPLE = """
SELECT owner_id, person_id, sum(amount) FILTER (WHERE is_kept) AS kept,
       -sum(amount) FILTER (WHERE NOT is_kept) AS counted
  FROM (
    SELECT owner_id, person_id, amount, true AS is_kept FROM person_count
     UNION ALL
    SELECT asset.owner_id, face.person_id, -1, false
      FROM asset_face AS face
      JOIN asset ON asset.id = face.asset_id
     WHERE face.person_id IS NOT NULL AND face.is_visible AND face.deleted_at IS NULL
       AND asset.visibility = 'timeline' AND asset.deleted_at IS NULL
  ) AS both_sides
 GROUP BY 1, 2
HAVING sum(amount) <> 0
"""

# What an asset's row repeats of its exif row.
MISPLACED = """
SELECT asset.id AS misplaced
  FROM asset
  LEFT JOIN asset_exif AS exif ON exif.asset_id = asset.id
 WHERE exif.owner_id <> asset.owner_id
    OR (asset.projection_type, asset.city, asset.country, asset.latitude, asset.longitude)
       IS DISTINCT FROM
       (exif.projection_type, exif.city, exif.country, exif.latitude, exif.longitude)
"""
