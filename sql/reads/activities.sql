-- list_activities -> rows
-- What was said in an album, the oldest first. Nobody sees what is about an asset in the trash, or
-- comes from somebody who left the house.
-- nullable: activity_id, asset_id, user_id, is_like
SELECT activity.id, activity.album_id, activity.asset_id, activity.comment, activity.created_at,
       "user".id AS user_id, "user".name, "user".email, "user".avatar_color,
       "user".profile_image_key, "user".profile_changed_at
  FROM activity
  JOIN "user" ON "user".id = activity.user_id AND "user".deleted_at IS NULL
  LEFT JOIN asset ON asset.id = activity.asset_id
 WHERE activity.album_id = %(album_id)s
   AND (%(activity_id)s::uuid IS NULL OR activity.id = %(activity_id)s)
   AND (NOT %(is_about_album)s OR activity.asset_id IS NULL)
   AND (%(asset_id)s::uuid IS NULL OR activity.asset_id = %(asset_id)s)
   AND (%(user_id)s::uuid IS NULL OR activity.user_id = %(user_id)s)
   AND (%(is_like)s::boolean IS NULL OR (activity.comment IS NULL) = %(is_like)s)
   AND asset.deleted_at IS NULL
 ORDER BY activity.created_at, activity.id;

-- count_activities -> row
-- nullable: asset_id
SELECT count(*) FILTER (WHERE activity.comment IS NOT NULL) AS comments,
       count(*) FILTER (WHERE activity.comment IS NULL) AS likes
  FROM activity
  JOIN "user" ON "user".id = activity.user_id AND "user".deleted_at IS NULL
  LEFT JOIN asset ON asset.id = activity.asset_id
 WHERE activity.album_id = %(album_id)s
   AND (%(asset_id)s::uuid IS NULL OR activity.asset_id = %(asset_id)s)
   AND asset.deleted_at IS NULL;

-- get_activity -> row?
SELECT activity.id, activity.album_id, activity.user_id
  FROM activity
 WHERE activity.id = %(activity_id)s;

-- find_like -> row?
-- nullable: asset_id
SELECT activity.id
  FROM activity
 WHERE activity.album_id = %(album_id)s
   AND activity.user_id = %(user_id)s
   AND activity.asset_id IS NOT DISTINCT FROM %(asset_id)s
   AND activity.comment IS NULL;
