-- get_id_token -> row?
-- What the provider said of whom a session belongs to, if it has to do with a provider.
SELECT session.oauth_id_token FROM session WHERE session.id = %(session_id)s;

-- is_label_taken -> value
SELECT EXISTS (SELECT 1 FROM "user" WHERE "user".storage_label = %(label)s) AS is_taken;

-- has_other_admin -> value
SELECT EXISTS (SELECT 1
                 FROM "user"
                WHERE "user".is_admin
                  AND "user".deleted_at IS NULL
                  AND "user".id <> %(user_id)s) AS has_other;
