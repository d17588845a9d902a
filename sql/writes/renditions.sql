-- set_exif -> count
-- What the file says, where no person said otherwise.
-- nullable: description, exif_image_width, exif_image_height, orientation, date_time_original
-- nullable: modify_date, time_zone, latitude, longitude, projection_type, make, model, lens_model
-- nullable: f_number, focal_length, iso, exposure_time, profile_description, rating, fps
-- nullable: burst_id
-- nullable: live_photo_cid
UPDATE asset_exif
   SET description         = CASE WHEN 'description' = ANY(edited) THEN description
                                  ELSE coalesce(%(description)s, '') END,
       exif_image_width    = %(exif_image_width)s,
       exif_image_height   = %(exif_image_height)s,
       orientation         = %(orientation)s,
       date_time_original  = CASE WHEN 'date_time_original' = ANY(edited) THEN date_time_original
                                  ELSE %(date_time_original)s END,
       modify_date         = %(modify_date)s,
       time_zone           = CASE WHEN 'date_time_original' = ANY(edited) THEN time_zone
                                  ELSE %(time_zone)s END,
       latitude            = CASE WHEN 'latitude' = ANY(edited) THEN latitude
                                  ELSE %(latitude)s END,
       longitude           = CASE WHEN 'longitude' = ANY(edited) THEN longitude
                                  ELSE %(longitude)s END,
       projection_type     = %(projection_type)s,
       make                = %(make)s,
       model               = %(model)s,
       lens_model          = %(lens_model)s,
       f_number            = %(f_number)s,
       focal_length        = %(focal_length)s,
       iso                 = %(iso)s,
       exposure_time       = %(exposure_time)s,
       profile_description = %(profile_description)s,
       rating              = CASE WHEN 'rating' = ANY(edited) THEN rating ELSE %(rating)s END,
       fps                 = %(fps)s,
       burst_id            = %(burst_id)s,
       tags                = %(tags)s,
       live_photo_cid      = CASE WHEN 'live_photo_cid' = ANY(edited) THEN live_photo_cid
                                  ELSE %(live_photo_cid)s END
 WHERE asset_id = %(asset_id)s;

-- set_taken -> row?
-- When and how large, as the file says; the date only where no person set it.
-- nullable: duration_ms, width, height
UPDATE asset
   SET file_created_at = CASE WHEN is_dated THEN file_created_at ELSE %(file_created_at)s END,
       local_date_time = CASE WHEN is_dated THEN local_date_time ELSE %(local_date_time)s END,
       duration_ms     = coalesce(%(duration_ms)s, duration_ms),
       width           = CASE WHEN is_edited THEN width ELSE coalesce(%(width)s, width) END,
       height          = CASE WHEN is_edited THEN height ELSE coalesce(%(height)s, height) END,
       updated_at      = now()
  FROM (
    SELECT 'date_time_original' = ANY(asset_exif.edited) AS is_dated
      FROM asset
      JOIN asset_exif ON asset_exif.asset_id = asset.id
     WHERE asset.id = %(asset_id)s
       FOR UPDATE  -- or the exif row would be older than the asset that was waited for
  ) AS exif
 WHERE asset.id = %(asset_id)s
RETURNING asset.owner_id;

-- set_thumbhash -> row?
-- Whose asset it is, and whether this is its first picture. What was edited shows the edit.
-- nullable: made_as
UPDATE asset
   SET thumbhash  = CASE WHEN is_edited THEN thumbhash ELSE %(thumbhash)s END,
       width      = CASE WHEN is_edited THEN width ELSE %(width)s END,
       height     = CASE WHEN is_edited THEN height ELSE %(height)s END,
       made_as    = %(made_as)s,
       updated_at = now()
  FROM (
    SELECT asset.thumbhash IS NULL AS is_bare
      FROM asset
     WHERE asset.id = %(asset_id)s
       FOR UPDATE
  ) AS before
 WHERE asset.id = %(asset_id)s
RETURNING asset.owner_id, asset.type, asset.is_edited, before.is_bare;

-- put_pictures -> rows
-- The files of an asset as it was taken, and no others; those they replace, where they had other
-- names. The asset is held.
WITH former AS MATERIALIZED (
    SELECT file.id, file.type, file.key
      FROM asset_file AS file
     WHERE file.asset_id = %(asset_id)s
       AND NOT file.is_edited
       AND file.type IN ('thumbnail', 'preview', 'fullsize')
), put AS (
    INSERT INTO asset_file (asset_id, type, key, file_bytes, is_progressive, is_transparent)
    SELECT %(asset_id)s, file.type, file.key, file.file_bytes, file.is_progressive,
           %(is_transparent)s
      FROM unnest(%(types)s::text[], %(keys)s::text[], %(sizes)s::bigint[],
                  %(progressive)s::boolean[]) AS file (type, key, file_bytes, is_progressive)
        ON CONFLICT (asset_id, type, is_edited) DO UPDATE
           SET key = excluded.key, file_bytes = excluded.file_bytes,
               is_progressive = excluded.is_progressive,
               is_transparent = excluded.is_transparent, updated_at = now()
), dropped AS (
    DELETE FROM asset_file
     USING former
     WHERE asset_file.id = former.id AND former.type <> ALL(%(types)s)
)
SELECT former.key
  FROM former
 WHERE former.key <> ALL(%(keys)s);

-- mark_lost -> count
-- A file whose bytes are not what its row says; once, and not where it was made anew since.
UPDATE asset_file
   SET file_bytes = 0
 WHERE id = %(file_id)s
   AND updated_at = %(updated_at)s
   AND file_bytes IS DISTINCT FROM 0;

-- drop_encoded_video -> row?
-- The film's other form, and whose it is.
DELETE FROM asset_file
 USING asset
 WHERE asset_file.asset_id = %(asset_id)s
   AND asset_file.type = 'encoded_video'
   AND asset.id = asset_file.asset_id
RETURNING asset.owner_id, asset_file.key;

-- put_encoded_video -> row?
-- Whose film it is; none where it was deleted meanwhile.
INSERT INTO asset_file (asset_id, type, key)
SELECT asset.id, 'encoded_video', %(key)s FROM asset WHERE asset.id = %(asset_id)s
    ON CONFLICT (asset_id, type, is_edited) DO UPDATE SET key = excluded.key, updated_at = now()
RETURNING (SELECT asset.owner_id FROM asset WHERE asset.id = %(asset_id)s) AS owner_id;

-- delete_file -> count
DELETE FROM asset_file WHERE id = %(file_id)s;

-- note_playable -> none
-- A film need not be made over, as these settings have it.
INSERT INTO playable_film (asset_id, policy)
SELECT asset.id, %(policy)s FROM asset WHERE asset.id = %(asset_id)s
    ON CONFLICT (asset_id) DO UPDATE SET policy = excluded.policy;
