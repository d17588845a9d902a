-- head -> row
SELECT log_head.epoch, log_head.pos, log_head.began, log_floor.pos AS floor
  FROM log_head
 CROSS JOIN log_floor;

-- read_log -> rows
-- Entries after a position, oldest first.
SELECT log.pos, log.at, log.topic, log.scope, log.entity_ids, log.audience, log.facts
  FROM log
 WHERE log.pos > %(after)s
 ORDER BY log.pos
 LIMIT %(limit)s;

-- last_staged -> value
-- The newest change that is committed and not sequenced; zero if there is none.
SELECT coalesce(max(log_staging.id), 0) AS id FROM log_staging;

-- is_sequenced -> value
SELECT NOT EXISTS (SELECT 1 FROM log_staging WHERE log_staging.id <= %(staged_id)s) AS is_sequenced;

-- list_lines -> rows
-- The sync lines' data of some entities.
SELECT state.kind, state.key, state.data
  FROM state
 WHERE state.kind = ANY(%(kinds)s)
   AND state.scope = ANY(%(scopes)s)
   AND state.key = ANY(%(keys)s)
   AND state.data IS NOT NULL;
