-- list_assets -> rows
-- How large these assets are, in their order, each with the moving part of a live photo; with what
-- is inside of a picture anyway only if that is wanted.
SELECT asset.id, asset.file_bytes, part.id AS part_id, part.file_bytes AS part_bytes
  FROM unnest(%(asset_ids)s::uuid[]) WITH ORDINALITY AS asked (id, place)
  JOIN asset ON asset.id = asked.id
  LEFT JOIN asset AS part ON part.id = asset.live_photo_video_id
                         AND part.deleted_at IS NULL
                         AND (NOT part.is_extracted OR %(with_extracted)s)
                         AND (part.visibility <> 'locked' OR asset.visibility = 'locked')
 WHERE asset.deleted_at IS NULL
 ORDER BY asked.place;

-- list_album -> rows
SELECT asset.id, asset.file_bytes, part.id AS part_id, part.file_bytes AS part_bytes
  FROM album_asset
  JOIN asset ON asset.id = album_asset.asset_id
  LEFT JOIN asset AS part ON part.id = asset.live_photo_video_id
                         AND part.deleted_at IS NULL
                         AND (NOT part.is_extracted OR %(with_extracted)s)
                         AND part.visibility <> 'locked'
 WHERE album_asset.album_id = %(album_id)s
   AND asset.deleted_at IS NULL
   AND asset.visibility <> 'locked'
 ORDER BY asset.local_date_time, asset.id;

-- list_library -> rows
SELECT asset.id, asset.file_bytes, part.id AS part_id, part.file_bytes AS part_bytes
  FROM asset
  LEFT JOIN asset AS part ON part.id = asset.live_photo_video_id
                         AND part.deleted_at IS NULL
                         AND (NOT part.is_extracted OR %(with_extracted)s)
                         AND part.visibility <> 'locked'
 WHERE asset.owner_id = %(user_id)s
   AND asset.deleted_at IS NULL
   AND asset.visibility IN ('timeline', 'archive')
 ORDER BY asset.local_date_time, asset.id;

-- list_originals -> rows
-- Where the bytes of these assets are; `as_edited`: of the edited picture where there is one.
SELECT asset.id, asset.original_key, asset.original_file_name, asset.file_modified_at,
       file.key AS edited_key
  FROM asset
  LEFT JOIN asset_file AS file ON file.asset_id = asset.id
                              AND file.type = 'fullsize'
                              AND file.is_edited
                              AND %(as_edited)s
 WHERE asset.id = ANY(%(asset_ids)s);
