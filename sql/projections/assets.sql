-- asset -> rows
SELECT (SELECT row_to_json(line)::text FROM (SELECT
           asset.id,
           asset.owner_id AS "ownerId",
           asset.original_file_name AS "originalFileName",
           encode(asset.thumbhash, 'base64') AS thumbhash,
           encode(asset.checksum, 'base64') AS checksum,
           iso(asset.file_created_at) AS "fileCreatedAt",
           iso(asset.file_modified_at) AS "fileModifiedAt",
           iso(asset.created_at) AS "createdAt",
           iso(asset.local_date_time AT TIME ZONE 'UTC') AS "localDateTime",
           asset.duration_ms AS duration,
           asset.type,
           iso(asset.deleted_at) AS "deletedAt",
           asset.is_favorite AS "isFavorite",
           asset.visibility,
           asset.live_photo_video_id AS "livePhotoVideoId",
           asset.stack_id AS "stackId",
           asset.library_id AS "libraryId",
           asset.width,
           asset.height,
           asset.is_edited AS "isEdited") AS line) AS data,
       NULL AS gone,
       CASE asset.visibility WHEN 'locked' THEN 0 WHEN 'archive' THEN 1 ELSE 2 END AS reach
  FROM asset
 WHERE asset.id = touched.key
   AND asset.owner_id = touched.scope

-- asset_exif -> rows
SELECT (SELECT row_to_json(line)::text FROM (SELECT
           asset_exif.asset_id AS "assetId",
           asset_exif.description,
           asset_exif.exif_image_width AS "exifImageWidth",
           asset_exif.exif_image_height AS "exifImageHeight",
           asset.file_bytes AS "fileSizeInByte",
           asset_exif.orientation,
           iso(asset_exif.date_time_original) AS "dateTimeOriginal",
           iso(asset_exif.modify_date) AS "modifyDate",
           asset_exif.time_zone AS "timeZone",
           asset_exif.latitude,
           asset_exif.longitude,
           asset_exif.projection_type AS "projectionType",
           asset_exif.city,
           asset_exif.state,
           asset_exif.country,
           asset_exif.make,
           asset_exif.model,
           asset_exif.lens_model AS "lensModel",
           asset_exif.f_number AS "fNumber",
           asset_exif.focal_length AS "focalLength",
           asset_exif.iso,
           asset_exif.exposure_time AS "exposureTime",
           asset_exif.profile_description AS "profileDescription",
           asset_exif.rating,
           asset_exif.fps) AS line) AS data,
       NULL AS gone,
       CASE asset.visibility WHEN 'locked' THEN 0 WHEN 'archive' THEN 1 ELSE 2 END AS reach
  FROM asset_exif
  JOIN asset ON asset.id = asset_exif.asset_id
 WHERE asset_exif.asset_id = touched.key
   AND asset.owner_id = touched.scope

-- asset_metadata -> rows
SELECT (SELECT row_to_json(line)::text FROM (SELECT
           asset_metadata.asset_id AS "assetId", asset_metadata.key, asset_metadata.value
       ) AS line) AS data,
       (SELECT row_to_json(line)::text FROM (SELECT
           asset_metadata.asset_id AS "assetId", asset_metadata.key) AS line) AS gone
  FROM asset_metadata
  JOIN asset ON asset.id = asset_metadata.asset_id
 WHERE asset_metadata.id = touched.key
   AND asset.owner_id = touched.scope

-- asset_edit -> rows
SELECT (SELECT row_to_json(line)::text FROM (SELECT
           asset_edit.id, asset_edit.asset_id AS "assetId", asset_edit.action,
           asset_edit.parameters, asset_edit.sequence) AS line) AS data,
       NULL AS gone
  FROM asset_edit
  JOIN asset ON asset.id = asset_edit.asset_id
 WHERE asset_edit.id = touched.key
   AND asset.owner_id = touched.scope

-- asset_ocr -> rows
-- The delete line names the row by its own id, since the app deletes by it.
SELECT (SELECT row_to_json(line)::text FROM (SELECT
           asset_ocr.id, asset_ocr.asset_id AS "assetId",
           corners[1] AS x1, corners[2] AS y1, corners[3] AS x2, corners[4] AS y2,
           corners[5] AS x3, corners[6] AS y3, corners[7] AS x4, corners[8] AS y4,
           asset_ocr.box_score AS "boxScore", asset_ocr.text_score AS "textScore",
           asset_ocr.text, asset_ocr.is_visible AS "isVisible") AS line) AS data,
       (SELECT row_to_json(line)::text FROM (SELECT
           asset_ocr.id, asset_ocr.asset_id AS "assetId", iso(now()) AS "deletedAt"
       ) AS line) AS gone
  FROM asset_ocr
  JOIN asset ON asset.id = asset_ocr.asset_id
 WHERE asset_ocr.id = touched.key
   AND asset.owner_id = touched.scope
