-- find_session -> row?
-- Who holds a token, if it is still good.
SELECT session.id, session.user_id, session.updated_at, session.app_version,
       session.pin_expires_at > now() AS is_elevated, session.pin_expires_at, "user".is_admin
  FROM session
  JOIN "user" ON "user".id = session.user_id
 WHERE session.token_hash = %(token_hash)s
   AND (session.expires_at IS NULL OR session.expires_at > now())
   AND "user".deleted_at IS NULL;

-- list_sessions -> rows
SELECT session.id, session.created_at, session.updated_at, session.expires_at, session.device_type,
       session.device_os, session.app_version, session.is_pending_sync_reset
  FROM session
 WHERE session.user_id = %(user_id)s
   AND (session.expires_at IS NULL OR session.expires_at > now())
 ORDER BY session.updated_at DESC, session.id;

-- get_session -> row?
SELECT session.id, session.created_at, session.updated_at, session.expires_at, session.device_type,
       session.device_os, session.app_version, session.is_pending_sync_reset, session.pin_expires_at
  FROM session
 WHERE session.id = %(session_id)s
   AND session.user_id = %(user_id)s;
