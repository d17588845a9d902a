-- get_user -> row?
SELECT "user".id, "user".email, "user".name, "user".password IS NOT NULL AS has_password,
       "user".pin_code IS NOT NULL AS has_pin_code, "user".is_admin,
       "user".should_change_password, "user".avatar_color, "user".profile_image_key,
       "user".profile_changed_at, "user".storage_label, "user".oauth_id, "user".cluster_group_id,
       "user".quota_bytes, "user".usage_bytes, "user".status, "user".created_at, "user".updated_at,
       "user".deleted_at, license.value AS license
  FROM "user"
  LEFT JOIN user_metadata AS license ON license.user_id = "user".id AND license.key = 'license'
 WHERE "user".id = %(user_id)s;

-- get_owner -> row?
-- Whose asset it is, as others see them.
SELECT "user".id, "user".email, "user".name, "user".avatar_color, "user".profile_image_key,
       "user".profile_changed_at
  FROM asset
  JOIN "user" ON "user".id = asset.owner_id
 WHERE asset.id = %(asset_id)s;

-- list_accounts -> rows
-- All that is known of everybody, the newest first; one of them, or those who are deleted, too.
-- nullable: user_id
SELECT "user".id, "user".email, "user".name, "user".is_admin, "user".should_change_password,
       "user".avatar_color, "user".profile_image_key, "user".profile_changed_at,
       "user".storage_label, "user".oauth_id, "user".cluster_group_id, "user".quota_bytes,
       "user".usage_bytes, "user".status, "user".created_at, "user".updated_at, "user".deleted_at,
       license.value AS license
  FROM "user"
  LEFT JOIN user_metadata AS license ON license.user_id = "user".id AND license.key = 'license'
 WHERE (%(user_id)s::uuid IS NULL OR "user".id = %(user_id)s)
   AND (%(with_deleted)s OR "user".deleted_at IS NULL)
 ORDER BY "user".created_at DESC, "user".id;

-- list_ids -> rows
SELECT "user".id FROM "user" ORDER BY "user".id;

-- sum_usage -> value
-- What a user's uploads take, in all states but deleted.
SELECT coalesce(sum(asset.file_bytes), 0)::bigint AS usage_bytes
  FROM asset
 WHERE asset.owner_id = %(user_id)s AND asset.library_id IS NULL;

-- list_users -> rows
-- Everybody who is not deleted, by name.
SELECT "user".id, "user".email, "user".name, "user".avatar_color, "user".profile_image_key,
       "user".profile_changed_at
  FROM "user"
 WHERE "user".deleted_at IS NULL
 ORDER BY "user".name, "user".id;

-- find_login -> row?
-- What a login needs to know about an e-mail.
SELECT "user".id, "user".password, "user".name, "user".email, "user".is_admin,
       "user".profile_image_key, "user".should_change_password
  FROM "user"
 WHERE "user".email = %(email)s
   AND "user".deleted_at IS NULL;

-- get_secrets -> row?
SELECT "user".password, "user".pin_code FROM "user" WHERE "user".id = %(user_id)s;

-- list_present -> rows
-- Those of the users that are here, and not deleted.
SELECT "user".id
  FROM "user"
 WHERE "user".id = ANY(%(user_ids)s)
   AND "user".deleted_at IS NULL;

-- list_claimed -> rows
-- Those of the keys that are profile images.
SELECT "user".profile_image_key AS key
  FROM "user"
 WHERE "user".profile_image_key = ANY(%(keys)s);

-- get_profile_image -> value
SELECT (SELECT "user".profile_image_key FROM "user" WHERE "user".id = %(user_id)s) AS key;

-- has_admin -> value
SELECT EXISTS (SELECT 1 FROM "user" WHERE "user".is_admin) AS has_admin;

-- has_assets -> value
SELECT EXISTS (SELECT 1 FROM asset WHERE asset.owner_id = %(user_id)s) AS has_assets;

-- get_metadata -> row?
SELECT user_metadata.value
  FROM user_metadata
 WHERE user_metadata.user_id = %(user_id)s
   AND user_metadata.key = %(key)s;

-- usage_by_user -> rows
-- Photos, videos and bytes of each user, in all states but deleted.
SELECT "user".id, "user".name, "user".quota_bytes,
       count(asset.id) FILTER (WHERE asset.type = 'IMAGE') AS photos,
       count(asset.id) FILTER (WHERE asset.type = 'VIDEO') AS videos,
       coalesce(sum(asset.file_bytes), 0)::bigint AS usage,
       coalesce(sum(asset.file_bytes) FILTER (WHERE asset.type = 'IMAGE'), 0)::bigint AS usage_photos,
       coalesce(sum(asset.file_bytes) FILTER (WHERE asset.type = 'VIDEO'), 0)::bigint AS usage_videos
  FROM "user"
  LEFT JOIN asset ON asset.owner_id = "user".id AND asset.library_id IS NULL
 GROUP BY "user".id
 ORDER BY "user".created_at;
