-- user -> rows
-- Everyone sees everyone.
SELECT (SELECT row_to_json(line)::text FROM (SELECT
           "user".id, "user".name, "user".email,
           "user".avatar_color AS "avatarColor",
           iso("user".deleted_at) AS "deletedAt",
           "user".profile_image_key IS NOT NULL AS "hasProfileImage",
           iso("user".profile_changed_at) AS "profileChangedAt") AS line) AS data,
       NULL AS gone
  FROM "user"
 WHERE "user".id = touched.key

-- auth_user -> rows
-- What only the user may know. The app asks of the PIN code no more than whether there is one.
SELECT (SELECT row_to_json(line)::text FROM (SELECT
           "user".id, "user".name, "user".email,
           "user".avatar_color AS "avatarColor",
           iso("user".deleted_at) AS "deletedAt",
           "user".profile_image_key IS NOT NULL AS "hasProfileImage",
           iso("user".profile_changed_at) AS "profileChangedAt",
           "user".is_admin AS "isAdmin",
           CASE WHEN "user".pin_code IS NOT NULL THEN 'set' END AS "pinCode",
           "user".oauth_id AS "oauthId",
           "user".storage_label AS "storageLabel",
           "user".quota_bytes AS "quotaSizeInBytes",
           "user".usage_bytes AS "quotaUsageInBytes") AS line) AS data,
       NULL AS gone
  FROM "user"
 WHERE "user".id = touched.key

-- user_metadata -> rows
SELECT (SELECT row_to_json(line)::text FROM (SELECT
           user_metadata.user_id AS "userId", user_metadata.key, user_metadata.value
       ) AS line) AS data,
       (SELECT row_to_json(line)::text FROM (SELECT
           user_metadata.user_id AS "userId", user_metadata.key) AS line) AS gone
  FROM user_metadata
 WHERE user_metadata.id = touched.key
   AND user_metadata.user_id = touched.scope
