-- cut_log -> value
-- Begin a new part of the log, if there is anything in the newest.
SELECT cut_log(%(every)s) AS is_cut;

-- drop_log -> value
-- How many old parts of the log went.
SELECT drop_log(%(keep)s) AS dropped;

-- hold_head -> none
-- Until commit no pass touches state.
SELECT log_head.pos FROM log_head FOR UPDATE;

-- raise_floor -> row?
-- To where all tombstones are old and no device needs them, or they are older than any may ask for.
UPDATE log_floor
   SET pos = wanted.pos
  FROM (
    SELECT least(coalesce(max(log_part.upto)  -- as long as nothing is old, nothing goes
                              FILTER (WHERE log_part.cut_at < now() - %(keep)s::interval), 0),
                 greatest((
                    SELECT min(greatest(copy.since, complete.pos))
                      FROM sync_copy AS copy
                      JOIN log_head ON log_head.epoch = copy.epoch
                      JOIN session ON session.id = copy.session_id
                      LEFT JOIN checkpoint AS complete ON complete.session_id = copy.session_id
                                                      AND complete.type = 'SyncCompleteV1'
                                                      AND complete.epoch = copy.epoch
                     WHERE copy.since IS NOT NULL
                       AND NOT session.is_pending_sync_reset
                       AND (session.expires_at IS NULL OR session.expires_at > now())),
                 max(log_part.upto)
                     FILTER (WHERE log_part.cut_at < now() - %(keep_max)s::interval))) AS pos
      FROM log_part
  ) AS wanted
 WHERE log_floor.pos < wanted.pos
RETURNING log_floor.pos;

-- reset_left_behind -> count
-- Devices that may hold what is gone and will not be told any more.
UPDATE session
   SET is_pending_sync_reset = true
  FROM sync_copy AS copy
  LEFT JOIN checkpoint AS complete ON complete.session_id = copy.session_id
                                  AND complete.type = 'SyncCompleteV1'
                                  AND complete.epoch = copy.epoch
 WHERE session.id = copy.session_id
   AND NOT session.is_pending_sync_reset
   AND greatest(copy.since, complete.pos) < %(floor)s;

-- delete_tombstones -> count
-- Some of those up to the floor.
DELETE FROM state
 USING (SELECT old.kind, old.scope, old.key
          FROM state AS old
         WHERE old.is_gone
           AND old.pos <= (SELECT log_floor.pos FROM log_floor)
         ORDER BY old.pos
         LIMIT %(limit)s) AS old
 WHERE state.kind = old.kind
   AND state.scope = old.scope
   AND state.key = old.key;

-- begin_copy -> count
-- From now on the device may hold what these requests are answered with. Zero when it is logged out.
INSERT INTO sync_copy AS copy (session_id, epoch, since, requests)
SELECT session.id, log_head.epoch, log_head.pos, %(requests)s
  FROM log_head
  JOIN session ON session.id = %(session_id)s
   FOR KEY SHARE OF session
    ON CONFLICT (session_id) DO UPDATE
   SET epoch    = CASE WHEN copy.since IS NULL THEN excluded.epoch ELSE copy.epoch END,
       since    = coalesce(copy.since, excluded.since),
       requests = copy.requests | excluded.requests;

-- forget_copy -> none
-- The device holds nothing.
UPDATE sync_copy
   SET since = NULL, requests = 0
 WHERE sync_copy.session_id = %(session_id)s;
