-- list_groups -> rows
-- A user's groups of what is the same, or nearly, as far as it is seen; oldest first.
SELECT asset.duplicate_id,
       array_agg(asset.id ORDER BY asset.local_date_time, asset.id) AS asset_ids
  FROM asset
 WHERE asset.owner_id = %(owner_id)s
   AND asset.duplicate_id IS NOT NULL
   AND asset.deleted_at IS NULL
   AND asset.stack_id IS NULL
   AND asset.visibility IN ('timeline', 'archive')
 GROUP BY asset.duplicate_id
HAVING count(*) > 1
 ORDER BY min(asset.local_date_time), asset.duplicate_id;

-- list_members -> rows
-- All in some of a user's groups, and who of them is seen.
SELECT asset.id, asset.duplicate_id,
       asset.deleted_at IS NULL AND asset.stack_id IS NULL
       AND asset.visibility IN ('timeline', 'archive') AS is_seen
  FROM asset
 WHERE asset.owner_id = %(owner_id)s
   AND asset.duplicate_id = ANY(%(duplicate_ids)s)
 ORDER BY asset.local_date_time, asset.id;

-- list_identical -> rows
-- Up to a thousand sets of a user's assets that have the same bytes, one of which is new: uploaded
-- and in an external library, or in several.
SELECT twin.owner_id, array_agg(twin.id ORDER BY twin.id) AS asset_ids
  FROM (SELECT DISTINCT asset.owner_id, asset.checksum
          FROM asset
         WHERE asset.library_id IS NOT NULL) AS listed
  JOIN asset AS twin ON twin.owner_id = listed.owner_id AND twin.checksum = listed.checksum
 WHERE twin.deleted_at IS NULL
   AND twin.stack_id IS NULL
   AND twin.visibility IN ('timeline', 'archive')
 GROUP BY twin.owner_id, twin.checksum
HAVING count(*) > 1 AND NOT bool_and(twin.is_compared)
 LIMIT 1000;

-- list_albums_of -> rows
-- In which albums any of these assets is.
SELECT DISTINCT album_asset.album_id
  FROM album_asset
 WHERE album_asset.asset_id = ANY(%(asset_ids)s)
 ORDER BY album_asset.album_id;

-- list_alike -> rows
-- What assets have that are to become one.
SELECT asset.id, asset.duplicate_id, asset.is_favorite, asset.visibility, exif.rating,
       exif.description, exif.latitude, exif.longitude,
       ARRAY(SELECT tag_asset.tag_id FROM tag_asset
              WHERE tag_asset.asset_id = asset.id) AS tag_ids
  FROM asset
  JOIN asset_exif AS exif ON exif.asset_id = asset.id
 WHERE asset.id = ANY(%(asset_ids)s);
