-- list_acks -> rows
SELECT checkpoint.type, checkpoint.epoch, checkpoint.pos, checkpoint.part, checkpoint.ground,
       checkpoint.acked_at
  FROM checkpoint
 WHERE checkpoint.session_id = %(session_id)s;

-- is_pending_reset -> row?
SELECT session.is_pending_sync_reset FROM session WHERE session.id = %(session_id)s;

-- list_grants -> rows
-- Whose albums and libraries a user sees, since when; and those that were lost, and when.
SELECT state.kind, state.key, state.since, state.pos, state.is_gone
  FROM state
 WHERE state.kind IN ('album_grant', 'partner_grant')
   AND state.scope = %(user_id)s
 ORDER BY state.since;
