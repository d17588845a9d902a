-- insert_user -> row?
-- No row when somebody has this e-mail.
-- nullable: password, storage_label, quota_bytes
INSERT INTO "user" (id, email, name, password, is_admin, should_change_password, storage_label,
                    quota_bytes)
VALUES (%(user_id)s, %(email)s, %(name)s, %(password)s, %(is_admin)s, %(should_change_password)s,
        %(storage_label)s, %(quota_bytes)s)
    ON CONFLICT (email) DO NOTHING
RETURNING id;

-- claim_first_admin -> count
-- Zero when there is, or was, an administrator already.
INSERT INTO first_admin (user_id) VALUES (%(user_id)s) ON CONFLICT DO NOTHING;

-- update_profile -> count
-- Null keeps what is there; an empty colour takes the chosen one away.
-- nullable: email, name, avatar_color
UPDATE "user"
   SET email = coalesce(%(email)s, email),
       name = coalesce(%(name)s, name),
       avatar_color = nullif(coalesce(%(avatar_color)s, avatar_color), ''),
       updated_at = now()
 WHERE id = %(user_id)s;

-- set_password -> count
UPDATE "user"
   SET password = %(password)s, should_change_password = false, updated_at = now()
 WHERE id = %(user_id)s;

-- set_pin_code -> count
-- nullable: pin_code
UPDATE "user" SET pin_code = %(pin_code)s, updated_at = now() WHERE id = %(user_id)s;

-- add_pin_code -> count
-- Zero when there is one.
UPDATE "user"
   SET pin_code = %(pin_code)s, updated_at = now()
 WHERE id = %(user_id)s AND pin_code IS NULL;

-- set_profile_image -> row
-- The key of the picture before, if there was one.
-- nullable: key
UPDATE "user" AS changed
   SET profile_image_key = %(key)s, profile_changed_at = now(), updated_at = now()
  FROM "user" AS before
 WHERE changed.id = %(user_id)s
   AND before.id = changed.id
RETURNING before.profile_image_key;

-- add_usage -> count
-- Zero when that would be more than the quota; giving back always works.
UPDATE "user"
   SET usage_bytes = usage_bytes + %(bytes)s
 WHERE id = %(user_id)s
   AND (%(bytes)s <= 0 OR quota_bytes IS NULL OR usage_bytes + %(bytes)s <= quota_bytes);

-- delete_user -> count
DELETE FROM "user" WHERE id = %(user_id)s;

-- lock_user -> row?
-- Whoever changes a part of what a user prefers waits for the one before.
SELECT "user".id FROM "user" WHERE "user".id = %(user_id)s FOR NO KEY UPDATE;

-- set_metadata -> row
INSERT INTO user_metadata (user_id, key, value)
VALUES (%(user_id)s, %(key)s, %(value)s::jsonb)
    ON CONFLICT (user_id, key) DO UPDATE SET value = excluded.value
RETURNING id;

-- delete_metadata -> row?
DELETE FROM user_metadata
 WHERE user_id = %(user_id)s AND key = %(key)s
RETURNING id;

-- delete_all_metadata -> rows
DELETE FROM user_metadata WHERE user_id = %(user_id)s RETURNING id;
