-- insert_session -> row
-- None outlives the one that opened it.
-- nullable: parent_id, app_version, duration
INSERT INTO session (user_id, parent_id, token_hash, device_type, device_os, app_version, expires_at)
VALUES (%(user_id)s, %(parent_id)s, %(token_hash)s, %(device_type)s, %(device_os)s,
        %(app_version)s,
        least(now() + %(duration)s,
              (SELECT parent.expires_at FROM session AS parent WHERE parent.id = %(parent_id)s)))
RETURNING id;

-- touch -> count
-- nullable: app_version
UPDATE session
   SET updated_at = now(), app_version = coalesce(%(app_version)s, app_version)
 WHERE id = %(session_id)s;

-- delete_session -> rows
-- One of the user's sessions, and all that were opened from it.
WITH RECURSIVE ended AS (
    SELECT session.id
      FROM session
     WHERE session.id = %(session_id)s AND session.user_id = %(user_id)s
     UNION
    SELECT session.id FROM session JOIN ended ON session.parent_id = ended.id
)
DELETE FROM session
 USING ended
 WHERE session.id = ended.id
RETURNING session.id;

-- detach_session -> count
-- It lives on without the one that opened it.
UPDATE session SET parent_id = NULL WHERE id = %(session_id)s AND parent_id IS NOT NULL;

-- delete_sessions -> rows
-- All of a user's sessions but one.
-- nullable: but_id
DELETE FROM session
 WHERE user_id = %(user_id)s
   AND id IS DISTINCT FROM %(but_id)s
RETURNING id;

-- set_pending_reset -> count
UPDATE session
   SET is_pending_sync_reset = %(is_pending)s, updated_at = now()
 WHERE id = %(session_id)s AND user_id = %(user_id)s;

-- delete_stale -> rows
-- Some that expired or were not used for so long, with all that were opened from them.
WITH RECURSIVE stale AS (
    (SELECT session.id
       FROM session
      WHERE session.expires_at <= now()
         OR session.updated_at < now() - %(unused)s::interval
      LIMIT 1000)
     UNION
    SELECT session.id FROM session JOIN stale ON session.parent_id = stale.id
)
DELETE FROM session
 USING stale
 WHERE session.id = stale.id
RETURNING session.id, session.user_id;

-- unlock -> count
UPDATE session
   SET pin_expires_at = now() + %(duration)s::interval
 WHERE id = %(session_id)s AND user_id = %(user_id)s;

-- extend_unlocked -> count
-- Unless it was locked meanwhile.
UPDATE session
   SET pin_expires_at = now() + %(duration)s::interval
 WHERE id = %(session_id)s AND pin_expires_at > now();

-- lock -> count
UPDATE session
   SET pin_expires_at = NULL
 WHERE id = %(session_id)s AND user_id = %(user_id)s;

-- lock_others -> count
-- All of a user's sessions but one.
-- nullable: but_id
UPDATE session
   SET pin_expires_at = NULL
 WHERE user_id = %(user_id)s
   AND id IS DISTINCT FROM %(but_id)s
   AND pin_expires_at IS NOT NULL;
