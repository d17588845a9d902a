-- list_workflows -> rows
-- A user's, the oldest first; a filter that is null asks nothing.
-- nullable: workflow_id, trigger, name, description, is_enabled, is_logging
SELECT workflow.id, workflow.trigger, workflow.name, workflow.description, workflow.is_enabled,
       workflow.is_logging, workflow.steps, workflow.created_at, workflow.updated_at
  FROM workflow
 WHERE workflow.owner_id = %(owner_id)s
   AND (%(workflow_id)s::uuid IS NULL OR workflow.id = %(workflow_id)s)
   AND (%(trigger)s::text IS NULL OR workflow.trigger = %(trigger)s)
   AND (%(name)s::text IS NULL OR workflow.name = %(name)s)
   AND (%(description)s::text IS NULL OR workflow.description = %(description)s)
   AND (%(is_enabled)s::boolean IS NULL OR workflow.is_enabled = %(is_enabled)s)
   AND (%(is_logging)s::boolean IS NULL OR workflow.is_logging = %(is_logging)s)
 ORDER BY workflow.created_at, workflow.id;

-- has_workflows -> value
-- Whether anything is to be done when this happens to an asset of a user.
SELECT EXISTS (
       SELECT 1 FROM workflow
         JOIN "user" ON "user".id = workflow.owner_id AND "user".deleted_at IS NULL
        WHERE workflow.owner_id = %(owner_id)s
          AND workflow.trigger = %(trigger)s
          AND workflow.is_enabled) AS has;

-- get_asset -> row?
-- What steps look at. Neither what is in the trash, nor what is a part of something else.
SELECT asset.id, asset.type, asset.original_key, asset.original_file_name, asset.visibility,
       asset.is_favorite, asset.local_date_time,
       ARRAY(SELECT tag_asset.tag_id FROM tag_asset
              WHERE tag_asset.asset_id = asset.id) AS tag_ids,
       jsonb_build_object(
           'make', exif.make, 'model', exif.model, 'lensModel', exif.lens_model,
           'fNumber', exif.f_number, 'focalLength', exif.focal_length, 'iso', exif.iso,
           'exposureTime', exif.exposure_time, 'description', exif.description,
           'rating', exif.rating, 'fps', exif.fps, 'orientation', exif.orientation,
           'projectionType', exif.projection_type, 'timeZone', exif.time_zone,
           'city', exif.city, 'state', exif.state, 'country', exif.country,
           'latitude', exif.latitude, 'longitude', exif.longitude) AS exif
  FROM asset
  JOIN asset_exif AS exif ON exif.asset_id = asset.id
 WHERE asset.id = %(asset_id)s
   AND asset.owner_id = %(owner_id)s
   AND asset.deleted_at IS NULL
   AND asset.visibility <> 'hidden';

-- match -> row
-- Whether text matches what a user wrote, and whether that is a pattern at all.
SELECT coalesce(found.matches, false) AS is_match, found.matches IS NOT NULL AS is_pattern
  FROM matches_pattern(%(value)s, %(pattern)s, %(is_case_sensitive)s) AS found (matches);

-- find_album -> row?
-- A user's own of that name; the oldest.
SELECT album.id
  FROM album
 WHERE album.owner_id = %(owner_id)s AND album.name = %(name)s
 ORDER BY album.created_at, album.id
 LIMIT 1;

-- list_logs -> rows
-- The newest first.
-- nullable: before, result
SELECT run.id, run.at, run.asset_id, run.result, run.step_index, run.step_method
  FROM workflow_log AS run
 WHERE run.workflow_id = %(workflow_id)s
   AND (%(before)s::timestamptz IS NULL OR run.at < %(before)s)
   AND (%(result)s::text IS NULL OR run.result = %(result)s)
 ORDER BY run.at DESC, run.id
 LIMIT %(limit)s;
