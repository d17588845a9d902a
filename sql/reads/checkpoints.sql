-- list_acks -> rows
-- Also, under SyncResetV1, where the copy began and which requests it was ever sent.
SELECT checkpoint.type, checkpoint.epoch, checkpoint.pos, checkpoint.part, checkpoint.ground,
       checkpoint.acked_at
  FROM checkpoint
 WHERE checkpoint.session_id = %(session_id)s
 UNION ALL
SELECT 'SyncResetV1', sync_copy.epoch, sync_copy.since, sync_copy.requests, 0,
       coalesce(sync_copy.streamed_at, now())
  FROM sync_copy
 WHERE sync_copy.session_id = %(session_id)s
   AND sync_copy.since IS NOT NULL;

-- is_pending_reset -> row?
SELECT session.is_pending_sync_reset FROM session WHERE session.id = %(session_id)s;

-- list_grants -> rows
-- Whose albums and libraries a user sees, since when, and first when; and those that were lost.
SELECT state.kind, state.key, state.first, state.since, state.pos, state.is_gone
  FROM state
 WHERE state.kind IN ('album_grant', 'partner_grant')
   AND state.scope = %(user_id)s
 ORDER BY state.since;
