-- get_role -> row?
-- The role of one user in an album; no row for a stranger.
SELECT album_user.role
  FROM album_user
 WHERE album_user.album_id = %(album_id)s
   AND album_user.user_id = %(user_id)s;

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
