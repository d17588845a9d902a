-- list_members -> rows
SELECT album_user.user_id, album_user.role
  FROM album_user
 WHERE album_user.album_id = %(album_id)s;

-- list_links -> rows
-- Which of these assets an album shows.
SELECT album_asset.asset_id
  FROM album_asset
 WHERE album_asset.album_id = %(album_id)s
   AND album_asset.asset_id = ANY(%(asset_ids)s);

-- list_some_links -> rows
-- Up to a thousand of an album's assets.
SELECT album_asset.asset_id
  FROM album_asset
 WHERE album_asset.album_id = %(album_id)s
 LIMIT 1000;

-- list_memberships -> rows
SELECT album_user.album_id, album_user.role
  FROM album_user
 WHERE album_user.user_id = %(user_id)s
 ORDER BY album_user.album_id;

-- list_albums -> rows
-- Which albums a user is in, the newest first; a filter that is null asks nothing.
-- nullable: album_id, asset_id, is_owned, is_shared, name
SELECT album.id
  FROM album_user AS own
  JOIN album ON album.id = own.album_id
 WHERE own.user_id = %(user_id)s
   AND (%(album_id)s::uuid IS NULL OR album.id = %(album_id)s)
   AND (%(asset_id)s::uuid IS NULL
        OR EXISTS (SELECT 1 FROM album_asset
                    WHERE album_asset.album_id = album.id
                      AND album_asset.asset_id = %(asset_id)s))
   AND (%(is_owned)s::boolean IS NULL OR (own.role = 'owner') = %(is_owned)s)
   AND (%(is_shared)s::boolean IS NULL OR %(is_shared)s = (
        EXISTS (SELECT 1 FROM album_user AS other
                 WHERE other.album_id = album.id AND other.role <> 'owner')
        OR EXISTS (SELECT 1 FROM shared_link WHERE shared_link.album_id = album.id)))
   AND (%(name)s::text IS NULL OR album.name = %(name)s)
 ORDER BY album.created_at DESC, album.id;

-- get_albums -> rows
-- What an AlbumResponseDto tells: the members, the owner first, and what its assets add up to.
SELECT album.id, album.owner_id, album.name, album.description, album.thumbnail_asset_id,
       album.is_activity_enabled, album."order", album.created_at, album.updated_at,
       EXISTS (SELECT 1 FROM shared_link WHERE shared_link.album_id = album.id) AS is_linked,
       (SELECT jsonb_agg(jsonb_build_object(
                   'role', member.role, 'id', "user".id, 'name', "user".name,
                   'email', "user".email, 'avatar_color', "user".avatar_color,
                   'profile_image_key', "user".profile_image_key,
                   'profile_changed_at', "user".profile_changed_at)
               ORDER BY member.role <> 'owner', member.created_at, "user".id)
          FROM album_user AS member
          JOIN "user" ON "user".id = member.user_id AND "user".deleted_at IS NULL
         WHERE member.album_id = album.id) AS members,
       shown.asset_count, shown.start_date, shown.end_date, shown.modified_at
  FROM album
 CROSS JOIN LATERAL (
        SELECT count(*) AS asset_count, min(asset.local_date_time) AS start_date,
               max(asset.local_date_time) AS end_date, max(asset.updated_at) AS modified_at
          FROM album_asset
          JOIN asset ON asset.id = album_asset.asset_id
         WHERE album_asset.album_id = album.id
           AND asset.deleted_at IS NULL
           AND asset.visibility IN ('timeline', 'archive')) AS shown
 WHERE album.id = ANY(%(album_ids)s);

-- count_contributions -> rows
-- Whose assets an album shows, and how many.
SELECT asset.owner_id AS user_id, count(*) AS asset_count
  FROM album_asset
  JOIN asset ON asset.id = album_asset.asset_id
 WHERE album_asset.album_id = %(album_id)s
   AND asset.deleted_at IS NULL
 GROUP BY asset.owner_id
 ORDER BY count(*) DESC, asset.owner_id;

-- count_albums -> row
SELECT count(*) FILTER (WHERE own.role = 'owner') AS owned,
       count(*) FILTER (WHERE kept.is_shared) AS shared,
       count(*) FILTER (WHERE own.role = 'owner' AND NOT kept.is_shared) AS not_shared
  FROM album_user AS own
 CROSS JOIN LATERAL (
        SELECT EXISTS (SELECT 1 FROM album_user AS other
                        WHERE other.album_id = own.album_id AND other.role <> 'owner')
            OR EXISTS (SELECT 1 FROM shared_link
                        WHERE shared_link.album_id = own.album_id) AS is_shared) AS kept
 WHERE own.user_id = %(user_id)s;

-- list_markers -> rows
-- Where an album's pictures were taken.
SELECT asset.id, exif.latitude, exif.longitude, exif.city, exif.state, exif.country
  FROM album_asset
  JOIN asset ON asset.id = album_asset.asset_id
  JOIN asset_exif AS exif ON exif.asset_id = asset.id
 WHERE album_asset.album_id = %(album_id)s
   AND asset.deleted_at IS NULL
   AND asset.visibility IN ('timeline', 'archive')
   AND exif.latitude IS NOT NULL
   AND exif.longitude IS NOT NULL
 ORDER BY asset.file_created_at DESC, asset.id;
