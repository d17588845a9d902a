-- get_progress -> rows
-- The session with each of its cursors, or once with an empty type. Also, under SyncResetV1, where
-- the copy began and which requests it was ever sent.
SELECT session.is_pending_sync_reset, session.sync_generation, coalesce(ack.type, '') AS type,
       ack.epoch, ack.pos, ack.part, ack.ground, ack.acked_at
  FROM session
  LEFT JOIN LATERAL (
    SELECT checkpoint.type, checkpoint.epoch, checkpoint.pos, checkpoint.part, checkpoint.ground,
           checkpoint.acked_at
      FROM checkpoint
     WHERE checkpoint.session_id = session.id
     UNION ALL
    SELECT 'SyncResetV1', sync_copy.epoch, sync_copy.since, sync_copy.requests, 0,
           coalesce(sync_copy.streamed_at, now())
      FROM sync_copy
     WHERE sync_copy.session_id = session.id
       AND sync_copy.since IS NOT NULL
  ) AS ack ON true
 WHERE session.id = %(session_id)s;

-- is_pending_reset -> row?
SELECT session.is_pending_sync_reset FROM session WHERE session.id = %(session_id)s;

-- list_grants -> rows
-- Whose albums and libraries a user sees, since when, and first when; and those that were lost.
SELECT state.kind, state.key, state.first, state.since, state.pos, state.is_gone
  FROM state
 WHERE state.kind IN ('album_grant', 'partner_grant')
   AND state.scope = %(user_id)s
 ORDER BY state.since;
