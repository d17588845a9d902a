-- list_acks -> rows
SELECT checkpoint.type, checkpoint.epoch, checkpoint.pos, checkpoint.acked_at
  FROM checkpoint
 WHERE checkpoint.session_id = %(session_id)s;

-- is_pending_reset -> row?
SELECT session.is_pending_sync_reset FROM session WHERE session.id = %(session_id)s;
