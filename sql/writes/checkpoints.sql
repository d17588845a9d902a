-- hold_session -> row?
-- Until commit its generation stays, and so does what else is known of its copy.
SELECT session.sync_generation, log_head.epoch
  FROM session
 CROSS JOIN log_head
 WHERE session.id = %(session_id)s
   FOR NO KEY UPDATE OF session;

-- begin_generation -> count
-- From now on acks of what was sent before count for nothing. Waits for those just being saved.
UPDATE session SET sync_generation = sync_generation + 1 WHERE id = %(session_id)s;

-- save_acks -> none
-- Never backwards within one history: an ack that arrives late changes nothing. One that repeats
-- what is known tells that the device is not away; once a day that is worth a write.
INSERT INTO checkpoint (session_id, type, epoch, pos, part, ground)
SELECT %(session_id)s, ack.type, %(epoch)s, ack.pos, ack.part, ack.ground
  FROM unnest(%(types)s::text[], %(positions)s::bigint[], %(parts)s::bigint[], %(grounds)s::bigint[])
       AS ack (type, pos, part, ground)
    ON CONFLICT (session_id, type) DO UPDATE
   SET epoch = excluded.epoch, pos = excluded.pos, part = excluded.part, ground = excluded.ground,
       acked_at = now()
 WHERE checkpoint.epoch <> excluded.epoch
    OR (checkpoint.pos, checkpoint.part) < (excluded.pos, excluded.part)
    OR (checkpoint.pos = excluded.pos AND checkpoint.acked_at < now() - interval '1 day');

-- delete_acks -> none
DELETE FROM checkpoint WHERE checkpoint.session_id = %(session_id)s;

-- delete_acks_of -> none
DELETE FROM checkpoint
 WHERE checkpoint.session_id = %(session_id)s AND checkpoint.type = ANY(%(types)s);

-- set_pending_reset -> count
UPDATE session SET is_pending_sync_reset = %(is_pending)s WHERE id = %(session_id)s;
