-- insert_user -> row?
-- No row when somebody has this e-mail.
-- nullable: password, pin_code, avatar_color, storage_label, quota_bytes
INSERT INTO "user" (id, email, name, password, pin_code, is_admin, should_change_password,
                    avatar_color, storage_label, quota_bytes)
VALUES (%(user_id)s, %(email)s, %(name)s, %(password)s, %(pin_code)s, %(is_admin)s,
        %(should_change_password)s, %(avatar_color)s, %(storage_label)s, %(quota_bytes)s)
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

-- update_account -> count
-- Sets the columns that are named, of somebody who is not deleted.
-- nullable: email, name, password, pin_code, is_admin, should_change_password, avatar_color
-- nullable: storage_label, quota_bytes
UPDATE "user"
   SET email = CASE WHEN 'email' = ANY(%(set)s) THEN %(email)s ELSE email END,
       name = CASE WHEN 'name' = ANY(%(set)s) THEN %(name)s ELSE name END,
       password = CASE WHEN 'password' = ANY(%(set)s) THEN %(password)s ELSE password END,
       pin_code = CASE WHEN 'pin_code' = ANY(%(set)s) THEN %(pin_code)s ELSE pin_code END,
       is_admin = CASE WHEN 'is_admin' = ANY(%(set)s) THEN %(is_admin)s ELSE is_admin END,
       should_change_password = CASE WHEN 'should_change_password' = ANY(%(set)s)
                                     THEN %(should_change_password)s
                                     ELSE should_change_password END,
       avatar_color = CASE WHEN 'avatar_color' = ANY(%(set)s) THEN %(avatar_color)s
                           ELSE avatar_color END,
       storage_label = CASE WHEN 'storage_label' = ANY(%(set)s) THEN %(storage_label)s
                            ELSE storage_label END,
       quota_bytes = CASE WHEN 'quota_bytes' = ANY(%(set)s) THEN %(quota_bytes)s
                          ELSE quota_bytes END,
       updated_at = now()
 WHERE id = %(user_id)s AND deleted_at IS NULL;

-- hold_admins -> rows
-- Who administrates the server, until commit: it must not lose the last of them.
SELECT "user".id
  FROM "user"
 WHERE "user".is_admin AND "user".deleted_at IS NULL
 ORDER BY "user".id
   FOR NO KEY UPDATE;

-- set_usage -> count
-- Zero when it is so already.
UPDATE "user"
   SET usage_bytes = %(usage_bytes)s
 WHERE id = %(user_id)s AND usage_bytes <> %(usage_bytes)s;

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

-- set_profile_image -> count
-- nullable: key
UPDATE "user"
   SET profile_image_key = %(key)s, profile_changed_at = now(), updated_at = now()
 WHERE id = %(user_id)s;

-- add_usage -> count
-- Zero when that would be more than the quota; giving back always works.
UPDATE "user"
   SET usage_bytes = usage_bytes + %(bytes)s
 WHERE id = %(user_id)s
   AND (%(bytes)s <= 0 OR quota_bytes IS NULL OR usage_bytes + %(bytes)s <= quota_bytes);

-- count_usage -> none
-- The same of what nobody was asked about: it may be more than the quota.
UPDATE "user" SET usage_bytes = usage_bytes + %(bytes)s WHERE id = %(user_id)s;

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
