-- insert_attempt -> count
-- Zero when this state is in use.
INSERT INTO oauth_attempt (state_hash, nonce, code_challenge, redirect_uri, expires_at)
VALUES (%(state_hash)s, %(nonce)s, %(code_challenge)s, %(redirect_uri)s,
        now() + %(duration)s::interval)
    ON CONFLICT DO NOTHING;

-- drop_attempts -> count
-- Those that nobody came back from, and the oldest of more than are kept.
DELETE FROM oauth_attempt
 WHERE expires_at <= greatest(now(), (
           SELECT kept.expires_at
             FROM oauth_attempt AS kept
            ORDER BY kept.expires_at DESC
           OFFSET %(kept)s LIMIT 1));

-- take_attempt -> row?
DELETE FROM oauth_attempt
 WHERE state_hash = %(state_hash)s
RETURNING nonce, code_challenge, redirect_uri, expires_at > now() AS is_timely;

-- insert_logout -> count
-- Zero when it was followed before.
INSERT INTO oauth_logout (token_hash, expires_at)
VALUES (%(token_hash)s, now() + %(duration)s::interval)
    ON CONFLICT DO NOTHING;

-- drop_logouts -> count
DELETE FROM oauth_logout WHERE expires_at <= now();

-- hold_subject -> none
-- One login of a provider's user at a time.
SELECT pg_advisory_xact_lock(hashtext('heliograph.oauth'), hashtext(%(sub)s));

-- lock_subject -> row?
SELECT "user".id, "user".oauth_id, "user".is_admin, "user".quota_bytes, "user".deleted_at
  FROM "user"
 WHERE "user".oauth_id = %(sub)s
   AND "user".oauth_id <> ''
   FOR NO KEY UPDATE;

-- lock_email -> row?
SELECT "user".id, "user".oauth_id, "user".is_admin, "user".quota_bytes, "user".deleted_at
  FROM "user"
 WHERE "user".email = %(email)s
   FOR NO KEY UPDATE;

-- set_subject -> count
-- Empty: the user has nothing to do with a provider.
UPDATE "user" SET oauth_id = %(sub)s, updated_at = now() WHERE id = %(user_id)s;

-- drop_subjects -> rows
UPDATE "user" SET oauth_id = '', updated_at = now() WHERE oauth_id <> '' RETURNING id;

-- hold_admins -> none
-- Whoever takes the role away is the only one to do so.
SELECT pg_advisory_xact_lock(hashtext('heliograph.admins'), 0);

-- set_claims -> count
-- nullable: quota_bytes
UPDATE "user"
   SET is_admin = %(is_admin)s, quota_bytes = %(quota_bytes)s, updated_at = now()
 WHERE id = %(user_id)s;

-- mark_session -> count
-- nullable: sid
UPDATE session
   SET oauth_sub = %(sub)s, oauth_sid = %(sid)s, oauth_id_token = %(id_token)s
 WHERE id = %(session_id)s;

-- unmark_sessions -> count
-- Of one user, or of all.
-- nullable: user_id
UPDATE session
   SET oauth_sub = NULL, oauth_sid = NULL, oauth_id_token = NULL
 WHERE oauth_sub IS NOT NULL
   AND (%(user_id)s::uuid IS NULL OR user_id = %(user_id)s);

-- end_sessions -> rows
-- Those of one session of the provider, or of all of a user there; and all opened from them.
-- nullable: sub, sid
WITH RECURSIVE ended AS (
    SELECT session.id
      FROM session
     WHERE session.oauth_sub IS NOT NULL
       AND (%(sub)s::text IS NULL OR session.oauth_sub = %(sub)s)
       AND (%(sid)s::text IS NULL OR session.oauth_sid = %(sid)s)
     UNION
    SELECT session.id FROM session JOIN ended ON session.parent_id = ended.id
)
DELETE FROM session
 USING ended
 WHERE session.id = ended.id
RETURNING session.id, session.user_id;
