-- insert_memory -> row
-- nullable: seen_at, show_at, hide_at
INSERT INTO memory (owner_id, type, data, is_saved, memory_at, seen_at, show_at, hide_at)
VALUES (%(owner_id)s, %(type)s, %(data)s::jsonb, %(is_saved)s, %(memory_at)s, %(seen_at)s,
        %(show_at)s, %(hide_at)s)
RETURNING id;

-- lock_memory -> row?
SELECT memory.id
  FROM memory
 WHERE memory.id = %(memory_id)s
   AND memory.owner_id = %(owner_id)s
   FOR UPDATE;

-- lock_memories_of -> rows
-- The memories that show any of these assets, held until commit; in one order, so none can deadlock.
SELECT memory.id
  FROM memory
 WHERE memory.id IN (SELECT memory_asset.memory_id FROM memory_asset
                      WHERE memory_asset.asset_id = ANY(%(asset_ids)s))
 ORDER BY memory.id
   FOR UPDATE;

-- update_memory -> count
-- Null keeps what is there.
-- nullable: is_saved, memory_at, seen_at
UPDATE memory
   SET is_saved = coalesce(%(is_saved)s, is_saved),
       memory_at = coalesce(%(memory_at)s, memory_at),
       seen_at = coalesce(%(seen_at)s, seen_at),
       updated_at = now()
 WHERE id = %(memory_id)s;

-- insert_links -> rows
INSERT INTO memory_asset (memory_id, asset_id)
SELECT %(memory_id)s, asset.id FROM unnest(%(asset_ids)s::uuid[]) AS asset (id) ORDER BY asset.id
    ON CONFLICT DO NOTHING
RETURNING id, asset_id;

-- delete_links -> rows
DELETE FROM memory_asset
 WHERE memory_id = %(memory_id)s AND asset_id = ANY(%(asset_ids)s)
RETURNING id, asset_id;

-- delete_links_of -> rows
-- Of assets, in all memories.
DELETE FROM memory_asset WHERE asset_id = ANY(%(asset_ids)s) RETURNING id;

-- delete_memories -> rows
-- All of a user's.
DELETE FROM memory WHERE owner_id = %(owner_id)s RETURNING id;

-- note_progress -> count
-- Memories of a user are made up to this day; zero when they were before.
INSERT INTO memory_progress (owner_id, upto)
VALUES (%(owner_id)s, %(day)s)
    ON CONFLICT (owner_id) DO UPDATE SET upto = excluded.upto
 WHERE memory_progress.upto < excluded.upto;

-- lock_stale -> rows
-- Up to a hundred memories that nobody saved in thirty days, held until commit.
SELECT memory.id, memory.owner_id
  FROM memory
 WHERE memory.created_at < now() - interval '30 days'
   AND NOT memory.is_saved
 ORDER BY memory.id
 LIMIT 100
   FOR UPDATE;

-- lock_faded -> rows
-- Up to a hundred memories that show what left the timeline, held until commit.
SELECT memory.id, memory.owner_id
  FROM memory
 WHERE memory.id IN (
       SELECT memory_asset.memory_id
         FROM memory_asset
         JOIN asset ON asset.id = memory_asset.asset_id
        WHERE asset.visibility <> 'timeline')
 ORDER BY memory.id
 LIMIT 100
   FOR UPDATE;

-- delete_faded_links -> rows
-- Of some memories, those to what left the timeline.
DELETE FROM memory_asset
 USING asset
 WHERE memory_asset.memory_id = ANY(%(memory_ids)s)
   AND asset.id = memory_asset.asset_id
   AND asset.visibility <> 'timeline'
RETURNING memory_asset.id, memory_asset.memory_id;

-- delete_links_in -> rows
-- All of some memories.
DELETE FROM memory_asset WHERE memory_id = ANY(%(memory_ids)s) RETURNING id, memory_id;

-- delete_some -> rows
DELETE FROM memory WHERE id = ANY(%(memory_ids)s) RETURNING id;
