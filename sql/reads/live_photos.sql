-- find_other_half -> row?
-- What was taken with an asset, by what both say: a film of a still, the still of a film. Neither
-- is in another pair, nor in the trash, nor was parted; and what is locked away stays with what is.
SELECT other.id, other.owner_id
  FROM asset AS own
  JOIN asset_exif AS own_exif ON own_exif.asset_id = own.id
  JOIN asset_exif AS exif ON exif.live_photo_cid = %(content_id)s
  JOIN asset AS other ON other.id = exif.asset_id
 WHERE own.id = %(asset_id)s
   AND other.owner_id = own.owner_id
   AND other.library_id IS NOT DISTINCT FROM own.library_id
   AND other.type <> own.type
   AND NOT 'live_photo_cid' = ANY(own_exif.edited)
   AND own.deleted_at IS NULL
   AND other.deleted_at IS NULL
   AND own.live_photo_video_id IS NULL
   AND other.live_photo_video_id IS NULL
   AND NOT EXISTS (SELECT 1 FROM asset AS still
                    WHERE still.live_photo_video_id IN (own.id, other.id))
   AND CASE own.type WHEN 'VIDEO' THEN own.visibility <> 'locked' OR other.visibility = 'locked'
                     ELSE other.visibility <> 'locked' OR own.visibility = 'locked' END
 ORDER BY other.created_at, other.id
 LIMIT 1;

-- get_part -> row?
-- The film that is linked to a still.
SELECT film.id, film.is_extracted
  FROM asset AS still
  JOIN asset AS film ON film.id = still.live_photo_video_id
 WHERE still.id = %(asset_id)s;

-- is_shown_elsewhere -> value
-- Whether a film is the part of another still, which is not locked away.
SELECT EXISTS (SELECT FROM asset AS still
                WHERE still.live_photo_video_id = %(video_id)s
                  AND still.id <> %(asset_id)s
                  AND still.visibility <> 'locked') AS is_shown_elsewhere;

-- find_bytes -> row?
-- What a user has with these bytes, uploaded or taken out of a picture.
SELECT asset.id, asset.type, asset.original_key, asset.visibility,
       asset.deleted_at IS NOT NULL AS is_trashed
  FROM asset
 WHERE asset.owner_id = %(owner_id)s
   AND asset.checksum = %(checksum)s
   AND asset.library_id IS NULL;
