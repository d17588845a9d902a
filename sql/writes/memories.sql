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

-- delete_all_links -> rows
DELETE FROM memory_asset WHERE memory_id = %(memory_id)s RETURNING id;

-- delete_links_of -> rows
-- Of assets, in all memories.
DELETE FROM memory_asset WHERE asset_id = ANY(%(asset_ids)s) RETURNING id;

-- delete_memory -> count
DELETE FROM memory WHERE id = %(memory_id)s;

-- delete_memories -> rows
-- All of a user's.
DELETE FROM memory WHERE owner_id = %(owner_id)s RETURNING id;
