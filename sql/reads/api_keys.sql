-- find_api_key -> row?
-- Whose key this is, and what it may do.
SELECT api_key.id, api_key.user_id, api_key.permissions, "user".is_admin
  FROM api_key
  JOIN "user" ON "user".id = api_key.user_id
 WHERE api_key.key_hash = %(key_hash)s
   AND "user".deleted_at IS NULL;

-- list_api_keys -> rows
SELECT api_key.id, api_key.name, api_key.permissions, api_key.created_at, api_key.updated_at
  FROM api_key
 WHERE api_key.user_id = %(user_id)s
 ORDER BY api_key.created_at DESC, api_key.id;

-- get_api_key -> row?
SELECT api_key.id, api_key.name, api_key.permissions, api_key.created_at, api_key.updated_at
  FROM api_key
 WHERE api_key.id = %(api_key_id)s
   AND api_key.user_id = %(user_id)s;
