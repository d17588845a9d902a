-- Which beginning of its device's copy a session is at: acks of an earlier one count for nothing.
ALTER TABLE session ADD COLUMN sync_generation integer NOT NULL DEFAULT 0;

-- How far a stack reaches is now told by its first asset: have those projected anew that reached
-- further than that.
INSERT INTO log_staging (topic, scope, entity_ids, audience, facts)
SELECT 'stack.updated', led.owner_id, array_agg(led.id ORDER BY led.id), '{}',
       '\x80'  -- msgpack: no facts
  FROM (
    SELECT stack.id, stack.owner_id,
           row_number() OVER (PARTITION BY stack.owner_id ORDER BY stack.id) / 1000 AS portion
      FROM stack
      JOIN asset ON asset.id = stack.primary_asset_id
     WHERE asset.visibility IN ('locked', 'archive')
  ) AS led
 GROUP BY led.owner_id, led.portion;
