-- list_memories -> rows
-- A user's, with who is seen in each; a filter that is null asks nothing. `day`: those shown on it;
-- upcoming: not shown before now.
-- nullable: day, is_saved, is_trashed, type, is_upcoming, memory_id, size
SELECT memory.id, memory.owner_id, memory.type, memory.data, memory.is_saved, memory.memory_at,
       memory.seen_at, memory.show_at, memory.hide_at, memory.created_at, memory.updated_at,
       memory.deleted_at,
       ARRAY(SELECT asset.id
               FROM memory_asset
               JOIN asset ON asset.id = memory_asset.asset_id
              WHERE memory_asset.memory_id = memory.id
                AND asset.deleted_at IS NULL
                AND asset.visibility = 'timeline'
              ORDER BY asset.file_created_at, asset.id) AS asset_ids
  FROM memory
 WHERE memory.owner_id = %(owner_id)s
   AND (%(is_trashed)s::boolean IS NULL OR (memory.deleted_at IS NOT NULL) = %(is_trashed)s)
   AND (%(memory_id)s::uuid IS NULL OR memory.id = %(memory_id)s)
   AND (%(is_saved)s::boolean IS NULL OR memory.is_saved = %(is_saved)s)
   AND (%(type)s::text IS NULL OR memory.type = %(type)s)
   AND (%(day)s::timestamptz IS NULL
        OR coalesce(memory.show_at <= %(day)s, true) AND coalesce(memory.hide_at >= %(day)s, true))
   AND (%(is_upcoming)s::boolean IS NULL
        OR coalesce(memory.show_at > now(), false) = %(is_upcoming)s)
 ORDER BY CASE WHEN %(order)s = 'random' THEN random() END,
          CASE WHEN %(order)s = 'asc' THEN memory.memory_at END,
          CASE WHEN %(order)s = 'desc' THEN memory.memory_at END DESC,
          memory.id
 LIMIT %(size)s
OFFSET %(skipped)s;

-- count_memories -> value
-- nullable: day, is_saved, type, is_upcoming, memory_id
SELECT count(*) AS total
  FROM memory
 WHERE memory.owner_id = %(owner_id)s
   AND (memory.deleted_at IS NOT NULL) = %(is_trashed)s
   AND (%(memory_id)s::uuid IS NULL OR memory.id = %(memory_id)s)
   AND (%(is_saved)s::boolean IS NULL OR memory.is_saved = %(is_saved)s)
   AND (%(type)s::text IS NULL OR memory.type = %(type)s)
   AND (%(day)s::timestamptz IS NULL
        OR coalesce(memory.show_at <= %(day)s, true) AND coalesce(memory.hide_at >= %(day)s, true))
   AND (%(is_upcoming)s::boolean IS NULL
        OR coalesce(memory.show_at > now(), false) = %(is_upcoming)s);

-- list_due -> rows
-- Users for whom the memories of a day were not made, and up to which they were.
SELECT "user".id, memory_progress.upto
  FROM "user"
  LEFT JOIN memory_progress ON memory_progress.owner_id = "user".id
 WHERE "user".deleted_at IS NULL
   AND (memory_progress.upto IS NULL OR memory_progress.upto < %(day)s::date)
 ORDER BY "user".id;

-- list_this_day -> rows
-- Up to twenty pictures that a user took on this date in each year before. The 29th of February
-- has none in most.
SELECT extract(year FROM past.day)::integer AS year, shown.id AS asset_id
  FROM (SELECT min(asset.local_date_time) AS at FROM asset
         WHERE asset.owner_id = %(owner_id)s) AS first
 CROSS JOIN LATERAL generate_series(
           1, extract(year FROM %(day)s::date)::integer
              - greatest(1000, extract(year FROM first.at)::integer)) AS before (years)
 CROSS JOIN LATERAL (
           SELECT (%(day)s::date - make_interval(years => before.years))::date AS day) AS past
 CROSS JOIN LATERAL (
           SELECT asset.id
             FROM asset
            WHERE asset.owner_id = %(owner_id)s
              AND asset.local_date_time >= past.day
              AND asset.local_date_time < past.day + interval '1 day'
              AND asset.visibility = 'timeline'
              AND asset.deleted_at IS NULL
              AND asset.thumbhash IS NOT NULL
            ORDER BY asset.local_date_time, asset.id
            LIMIT 20) AS shown
 WHERE extract(day FROM past.day) = extract(day FROM %(day)s::date)
 ORDER BY year, shown.id;
