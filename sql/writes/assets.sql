-- insert_asset -> count
-- Zero when the owner already has these bytes.
-- nullable: duration_ms, live_photo_video_id
INSERT INTO asset (id, owner_id, type, original_key, original_file_name, checksum, file_bytes,
                   file_created_at, file_modified_at, local_date_time, duration_ms, is_favorite,
                   visibility, live_photo_video_id, is_extracted)
VALUES (%(asset_id)s, %(owner_id)s, %(type)s, %(original_key)s, %(original_file_name)s,
        %(checksum)s, %(file_bytes)s, %(file_created_at)s, %(file_modified_at)s,
        %(file_created_at)s AT TIME ZONE 'UTC', %(duration_ms)s, %(is_favorite)s, %(visibility)s,
        %(live_photo_video_id)s, %(is_extracted)s)
    ON CONFLICT (owner_id, checksum) WHERE library_id IS NULL DO NOTHING;

-- insert_exif -> none
INSERT INTO asset_exif (asset_id) VALUES (%(asset_id)s);

-- put_file -> row
-- A file beside the original; the key of the one it replaces, if another.
INSERT INTO asset_file AS file (asset_id, type, key)
VALUES (%(asset_id)s, %(type)s, %(key)s)
    ON CONFLICT (asset_id, type, is_edited) DO UPDATE SET key = excluded.key, updated_at = now()
RETURNING file.id;

-- lock_assets -> rows
-- Those of the assets that the user owns, held until commit; in one order, so none can deadlock.
SELECT asset.id, asset.type, asset.visibility, asset.live_photo_video_id, asset.original_key,
       asset.file_bytes, asset.library_id, asset.is_extracted
  FROM asset
 WHERE asset.id = ANY(%(asset_ids)s)
   AND asset.owner_id = %(owner_id)s
 ORDER BY asset.id
   FOR UPDATE;

-- hold_assets -> none
-- Hold assets until commit, whoever's they are; in one order, so none can deadlock.
SELECT asset.id
  FROM asset
 WHERE asset.id = ANY(%(asset_ids)s)
 ORDER BY asset.id
   FOR UPDATE;

-- update_assets -> count
-- Null keeps what is there.
-- nullable: is_favorite, visibility
UPDATE asset
   SET is_favorite = coalesce(%(is_favorite)s, is_favorite),
       visibility = coalesce(%(visibility)s, visibility),
       updated_at = now()
 WHERE id = ANY(%(asset_ids)s);

-- set_live_photo_video -> count
-- nullable: video_id
UPDATE asset
   SET live_photo_video_id = %(video_id)s, updated_at = now()
 WHERE id = %(asset_id)s;

-- update_exif -> count
-- What a person says about assets; each column that is `set` is theirs from now on.
-- nullable: description, latitude, longitude, rating
UPDATE asset_exif
   SET description = CASE WHEN 'description' = ANY(%(set)s::text[]) THEN %(description)s::text
                          ELSE description END,
       latitude    = CASE WHEN 'latitude' = ANY(%(set)s) THEN %(latitude)s::float8
                          ELSE latitude END,
       longitude   = CASE WHEN 'longitude' = ANY(%(set)s) THEN %(longitude)s::float8
                          ELSE longitude END,
       rating      = CASE WHEN 'rating' = ANY(%(set)s) THEN %(rating)s::smallint ELSE rating END,
       edited      = ARRAY(SELECT DISTINCT unnest(edited || %(set)s::text[]) ORDER BY 1)
 WHERE asset_id = ANY(%(asset_ids)s);

-- locate -> count
-- Name the places where assets are said to have been taken, unless nobody is to.
UPDATE asset_exif
   SET (city, state, country) = (
       SELECT near.city, near.state, near.country
         FROM nearest_place(asset_exif.latitude, asset_exif.longitude) AS near
        WHERE NOT EXISTS (SELECT FROM setting
                           WHERE setting.name = 'reverseGeocoding.enabled'
                             AND setting.value = 'false'))
 WHERE asset_id = ANY(%(asset_ids)s);

-- set_date -> count
-- The moment a person says assets were taken, and the clock on the wall there.
WITH dated AS (
    UPDATE asset
       SET file_created_at = %(moment)s, local_date_time = %(local_date_time)s, updated_at = now()
     WHERE id = ANY(%(asset_ids)s)
)
UPDATE asset_exif
   SET date_time_original = %(moment)s,
       time_zone = %(time_zone)s,
       edited = ARRAY(SELECT DISTINCT unnest(edited || '{date_time_original}') ORDER BY 1)
 WHERE asset_id = ANY(%(asset_ids)s);

-- shift_dates -> count
-- By so many minutes; those that would leave the calendar are not among the counted.
WITH shifted AS (
    UPDATE asset
       SET file_created_at = file_created_at + %(shift)s::interval,
           local_date_time = local_date_time + %(shift)s::interval,
           updated_at = now()
     WHERE id = ANY(%(asset_ids)s)
       AND file_created_at + %(shift)s::interval BETWEEN '0001-01-02' AND '9999-12-30'
 RETURNING id
)
UPDATE asset_exif
   SET date_time_original = date_time_original + %(shift)s::interval,
       edited = ARRAY(SELECT DISTINCT unnest(edited || '{date_time_original}') ORDER BY 1)
  FROM shifted
 WHERE asset_id = shifted.id;

-- set_trashed -> rows
-- Those that were not so already.
UPDATE asset
   SET deleted_at = CASE WHEN %(is_trashed)s THEN now() END, updated_at = now()
 WHERE id = ANY(%(asset_ids)s)
   AND (deleted_at IS NOT NULL) <> %(is_trashed)s
RETURNING id;

-- lock_trashed -> rows
-- Up to a thousand of a user's trashed assets, held until commit.
SELECT asset.id
  FROM asset
 WHERE asset.owner_id = %(owner_id)s
   AND asset.deleted_at IS NOT NULL
 ORDER BY asset.id
 LIMIT 1000
   FOR UPDATE;

-- delete_files -> rows
DELETE FROM asset_file WHERE asset_id = ANY(%(asset_ids)s) RETURNING asset_id, key;

-- delete_all_metadata -> rows
DELETE FROM asset_metadata WHERE asset_id = ANY(%(asset_ids)s) RETURNING id;

-- unlink_videos -> rows
-- Stills whose moving part goes, but not they themselves.
UPDATE asset
   SET live_photo_video_id = NULL, updated_at = now()
 WHERE live_photo_video_id = ANY(%(asset_ids)s)
   AND id <> ALL(%(asset_ids)s)
RETURNING id, owner_id;

-- delete_assets -> rows
DELETE FROM asset
 WHERE id = ANY(%(asset_ids)s)
RETURNING id, original_key, file_bytes, library_id;

-- set_metadata -> rows
INSERT INTO asset_metadata (asset_id, key, value)
SELECT item.asset_id, item.key, item.value
  FROM unnest(%(asset_ids)s::uuid[], %(keys)s::text[], %(values)s::jsonb[])
       AS item (asset_id, key, value)
 ORDER BY item.asset_id, item.key
    ON CONFLICT (asset_id, key) DO UPDATE SET value = excluded.value, updated_at = now()
RETURNING id, asset_id, key, value, updated_at;

-- delete_metadata -> rows
DELETE FROM asset_metadata
 WHERE (asset_id, key) IN (
       SELECT item.asset_id, item.key
         FROM unnest(%(asset_ids)s::uuid[], %(keys)s::text[]) AS item (asset_id, key))
RETURNING id;

-- lock_moving_parts -> rows
-- The videos that only these stills use, held until commit.
SELECT video.id, video.type, video.visibility, video.live_photo_video_id, video.original_key,
       video.file_bytes, video.library_id, video.is_extracted
  FROM asset AS video
 WHERE video.id IN (SELECT still.live_photo_video_id FROM asset AS still
                     WHERE still.id = ANY(%(asset_ids)s))
   AND NOT EXISTS (SELECT 1 FROM asset AS other
                    WHERE other.live_photo_video_id = video.id
                      AND other.id <> ALL(%(asset_ids)s))
 ORDER BY video.id
   FOR UPDATE;

-- set_time_zone -> count
-- The same moment, on the clock of another place; without those that have none in the calendar.
WITH moved AS (
    UPDATE asset
       SET local_date_time = file_created_at AT TIME ZONE %(time_zone)s, updated_at = now()
     WHERE id = ANY(%(asset_ids)s)
       AND file_created_at BETWEEN '0001-01-02' AND '9999-12-30'
 RETURNING id
)
UPDATE asset_exif
   SET time_zone = %(time_zone)s,
       edited = ARRAY(SELECT DISTINCT unnest(edited || '{date_time_original}') ORDER BY 1)
  FROM moved
 WHERE asset_id = moved.id;

-- hold_library -> none
-- Until commit, one at a time per owner.
SELECT pg_advisory_xact_lock(hashtext('heliograph.library'), hashtext(%(owner_id)s::uuid::text));

-- lock_around -> rows
-- Those of the assets that the user owns, the other halves of live photos and all in one stack
-- with any of them, held until commit; in one order, so none can deadlock.
WITH near AS (
    SELECT asset.id, asset.stack_id
      FROM asset
     WHERE asset.id = ANY(%(asset_ids)s)
     UNION
    SELECT video.id, video.stack_id
      FROM asset AS still
      JOIN asset AS video ON video.id = still.live_photo_video_id
     WHERE still.id = ANY(%(asset_ids)s)
     UNION
    SELECT still.id, still.stack_id
      FROM asset AS still
     WHERE still.live_photo_video_id = ANY(%(asset_ids)s)
)
SELECT asset.id, asset.deleted_at
  FROM asset
 WHERE asset.owner_id = %(owner_id)s
   AND asset.id IN (SELECT near.id FROM near
                     UNION
                    SELECT mate.id FROM near JOIN asset AS mate ON mate.stack_id = near.stack_id)
 ORDER BY asset.id
   FOR UPDATE;
