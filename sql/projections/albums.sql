-- album -> rows
SELECT (SELECT row_to_json(line)::text FROM (SELECT
           album.id, album.name, album.description,
           iso(album.created_at) AS "createdAt", iso(album.updated_at) AS "updatedAt",
           album.thumbnail_asset_id AS "thumbnailAssetId",
           album.is_activity_enabled AS "isActivityEnabled", album."order") AS line) AS data,
       NULL AS gone,
       album.owner_id AS home
  FROM album
 WHERE album.id = touched.key

-- album_user -> rows
SELECT (SELECT row_to_json(line)::text FROM (SELECT
           album_user.album_id AS "albumId", album_user.user_id AS "userId", album_user.role
       ) AS line) AS data,
       NULL AS gone
  FROM album_user
 WHERE album_user.album_id = touched.scope
   AND album_user.user_id = touched.key

-- album_grant -> rows
-- The same membership seen from the user: which albums are in their view, and since when.
SELECT '' AS data, NULL AS gone
  FROM album_user
 WHERE album_user.user_id = touched.scope
   AND album_user.album_id = touched.key

-- album_asset -> rows
SELECT (SELECT row_to_json(line)::text FROM (SELECT
           album_asset.album_id AS "albumId", album_asset.asset_id AS "assetId") AS line) AS data,
       NULL AS gone,
       asset.owner_id AS home
  FROM album_asset
  JOIN asset ON asset.id = album_asset.asset_id
 WHERE album_asset.album_id = touched.scope
   AND album_asset.asset_id = touched.key

-- album_view -> rows
-- That an asset is seen in an album; it changes with the asset, whose own line says what is seen.
SELECT '' AS data, NULL AS gone, asset.owner_id AS home
  FROM album_asset
  JOIN asset ON asset.id = album_asset.asset_id
 WHERE album_asset.album_id = touched.scope
   AND album_asset.asset_id = touched.key
