-- insert_api_key -> row
INSERT INTO api_key (user_id, name, key_hash, permissions)
VALUES (%(user_id)s, %(name)s, %(key_hash)s, %(permissions)s)
RETURNING id, name, permissions, created_at, updated_at;

-- update_api_key -> row?
-- Null keeps what is there.
-- nullable: name, permissions
UPDATE api_key
   SET name = coalesce(%(name)s, name),
       permissions = coalesce(%(permissions)s, permissions),
       updated_at = now()
 WHERE id = %(api_key_id)s AND user_id = %(user_id)s
RETURNING id, name, permissions, created_at, updated_at;

-- rotate_api_key -> row?
UPDATE api_key
   SET key_hash = %(key_hash)s, updated_at = now()
 WHERE id = %(api_key_id)s AND user_id = %(user_id)s
RETURNING id, name, permissions, created_at, updated_at;

-- delete_api_key -> count
DELETE FROM api_key WHERE id = %(api_key_id)s AND user_id = %(user_id)s;

-- delete_api_keys -> rows
-- All of a user's.
DELETE FROM api_key WHERE user_id = %(user_id)s RETURNING id;
