-- save_ack -> none
-- Never backwards within one history: an ack that arrives late changes nothing. One that repeats
-- what is known tells that the device is not away; once a day that is worth a write.
INSERT INTO checkpoint (session_id, type, epoch, pos, part, ground)
VALUES (%(session_id)s, %(type)s, %(epoch)s, %(pos)s, %(part)s, %(ground)s)
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
