-- show_assets -> rows
-- Assets as AssetResponseDto in JSON, but for the members that only some ask for, which are apart,
-- and those that Python knows better. To fetch each column and write it there takes three times as
-- long. Of another's assets favorites, groups, tags and people are not told; no viewer: the owner.
-- nullable: viewer_id
SELECT asset.id, asset.visibility, asset.original_file_name AS file_name,
       row_to_json(shown)::text AS asset,
       CASE WHEN %(with_exif)s THEN (
           SELECT row_to_json(taken)::text
             FROM (SELECT exif.make, exif.model, exif.exif_image_width AS "exifImageWidth",
                          exif.exif_image_height AS "exifImageHeight",
                          asset.file_bytes AS "fileSizeInByte", exif.orientation,
                          iso(exif.date_time_original::timestamp) AS "dateTimeOriginal",
                          iso(exif.modify_date::timestamp) AS "modifyDate",
                          exif.time_zone AS "timeZone", exif.lens_model AS "lensModel",
                          exif.f_number AS "fNumber", exif.focal_length AS "focalLength", exif.iso,
                          exif.exposure_time AS "exposureTime", exif.latitude, exif.longitude,
                          exif.city, exif.state, exif.country, exif.description,
                          exif.projection_type AS "projectionType", exif.rating
                     FROM asset_exif AS exif
                    WHERE exif.asset_id = asset.id) AS taken) END AS exif,
       CASE WHEN %(with_tags)s AND viewer.is_owner THEN (
           SELECT jsonb_agg(jsonb_build_object(
                      'id', tag.id, 'parent_id', tag.parent_id, 'value', tag.value,
                      'color', tag.color, 'created_at', tag.created_at,
                      'updated_at', tag.updated_at) ORDER BY tag.value)
             FROM tag_asset
             JOIN tag ON tag.id = tag_asset.tag_id
            WHERE tag_asset.asset_id = asset.id) END AS tags,
       CASE WHEN %(with_people)s AND viewer.is_owner THEN (
           SELECT jsonb_agg(jsonb_build_object(
                      'id', person.id, 'name', person.name, 'birth_date', person.birth_date,
                      'thumbnail_key', person.thumbnail_key, 'is_hidden', person.is_hidden,
                      'is_favorite', person.is_favorite, 'color', person.color,
                      'updated_at', person.updated_at)
                  ORDER BY person.name = '', person.name, person.id)
             FROM person
            WHERE person.owner_id = asset.owner_id
              AND person.id IN (SELECT face.person_id FROM asset_face AS face
                                 WHERE face.asset_id = asset.id
                                   AND face.is_visible AND face.deleted_at IS NULL)) END AS people
  FROM asset
 CROSS JOIN LATERAL (
       SELECT asset.owner_id = coalesce(%(viewer_id)s, asset.owner_id) AS is_owner) AS viewer
 CROSS JOIN LATERAL (
       SELECT asset.id, asset.owner_id AS "ownerId", asset.library_id AS "libraryId", asset.type,
              asset.original_key AS "originalPath", asset.original_file_name AS "originalFileName",
              encode(asset.checksum, 'base64') AS checksum,
              encode(asset.thumbhash, 'base64') AS thumbhash, asset.width, asset.height,
              asset.duration_ms AS duration, asset.live_photo_video_id AS "livePhotoVideoId",
              iso(asset.file_created_at::timestamp) AS "fileCreatedAt",
              iso(asset.file_modified_at::timestamp) AS "fileModifiedAt",
              iso(asset.local_date_time) AS "localDateTime",
              iso(asset.created_at::timestamp) AS "createdAt",
              iso(asset.updated_at::timestamp) AS "updatedAt",
              viewer.is_owner AND asset.is_favorite AS "isFavorite", asset.visibility,
              asset.visibility = 'archive' AS "isArchived",
              asset.deleted_at IS NOT NULL AS "isTrashed", asset.is_offline AS "isOffline",
              asset.is_edited AS "isEdited", true AS "hasMetadata",
              CASE WHEN viewer.is_owner THEN asset.duplicate_id END AS "duplicateId",
              CASE WHEN asset.stack_id IS NOT NULL THEN (
                  SELECT json_build_object(
                             'id', stack.id, 'primaryAssetId', stack.primary_asset_id,
                             'assetCount', (SELECT count(*) FROM asset AS other
                                             WHERE other.stack_id = stack.id
                                               AND other.deleted_at IS NULL))
                    FROM stack WHERE stack.id = asset.stack_id) END AS stack) AS shown
 WHERE asset.id = ANY(ARRAY(SELECT unnest(%(asset_ids)s::uuid[])));

-- get_source -> row?
-- What a worker needs to make something of an asset.
SELECT asset.id, asset.owner_id, asset.type, asset.original_key, asset.original_file_name,
       asset.file_created_at, asset.file_modified_at, file.key AS sidecar_key,
       file.updated_at AS sidecar_at
  FROM asset
  LEFT JOIN asset_file AS file ON file.asset_id = asset.id AND file.type = 'sidecar'
 WHERE asset.id = %(asset_id)s;

-- find_duplicate -> row?
-- The asset a user has with these bytes, uploaded and not of an external library.
SELECT asset.id
  FROM asset
 WHERE asset.owner_id = %(owner_id)s
   AND asset.checksum = %(checksum)s
   AND asset.library_id IS NULL;

-- find_checksums -> rows
-- Which of these bytes a user has, wherever.
SELECT DISTINCT ON (asset.checksum) asset.id, asset.checksum,
       asset.deleted_at IS NOT NULL AS is_trashed
  FROM asset
 WHERE asset.owner_id = %(owner_id)s
   AND asset.checksum = ANY(%(checksums)s)
 ORDER BY asset.checksum, asset.library_id NULLS FIRST;

-- list_owned -> rows
-- Those of the assets that a user owns, and who may see them.
SELECT asset.id, asset.visibility
  FROM asset
 WHERE asset.id = ANY(%(asset_ids)s)
   AND asset.owner_id = %(owner_id)s;

-- get_file -> row?
-- Where an asset's bytes are: the original, and one file beside it, if asked as it was edited.
SELECT asset.id, asset.owner_id, asset.type, asset.original_key, asset.original_file_name,
       asset.checksum, file.id AS file_id, file.type AS file_type, file.key,
       file.is_edited, file.updated_at, file.file_bytes
  FROM asset
  LEFT JOIN LATERAL (
       SELECT asset_file.id, asset_file.type, asset_file.key, asset_file.is_edited,
              asset_file.updated_at, asset_file.file_bytes
         FROM asset_file
        WHERE asset_file.asset_id = asset.id
          AND asset_file.type = %(type)s
          AND (NOT asset_file.is_edited OR %(is_edited)s)
        ORDER BY asset_file.is_edited DESC
        LIMIT 1) AS file ON true
 WHERE asset.id = %(asset_id)s;

-- get_copied -> row?
-- What goes over to another asset: of the albums those that the owner may fill.
SELECT asset.is_favorite, stack.primary_asset_id,
       ARRAY(SELECT album_asset.album_id
               FROM album_asset
               JOIN album_user ON album_user.album_id = album_asset.album_id
              WHERE album_asset.asset_id = asset.id
                AND album_user.user_id = asset.owner_id
                AND album_user.role IN ('owner', 'editor')
              ORDER BY album_asset.album_id) AS album_ids,
       ARRAY(SELECT linked.shared_link_id
               FROM shared_link_asset AS linked
               JOIN shared_link AS link ON link.id = linked.shared_link_id
              WHERE linked.asset_id = asset.id
                AND link.user_id = asset.owner_id
              ORDER BY linked.shared_link_id) AS link_ids
  FROM asset
  LEFT JOIN stack ON stack.id = asset.stack_id
 WHERE asset.id = %(asset_id)s;

-- get_sidecars -> row
-- Where the sidecar of one asset is, and where that of another is or belongs.
-- nullable: sidecar_key
SELECT (SELECT file.key FROM asset_file AS file
         WHERE file.asset_id = %(source_id)s AND file.type = 'sidecar') AS sidecar_key,
       (SELECT coalesce(file.key, asset.original_key || '.xmp')
          FROM asset
          LEFT JOIN asset_file AS file ON file.asset_id = asset.id AND file.type = 'sidecar'
         WHERE asset.id = %(target_id)s) AS target_key;

-- get_edit_source -> row?
-- What a worker needs to show a picture as it was edited.
SELECT asset.id, asset.owner_id, asset.original_key,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'id', edit.id, 'action', edit.action, 'parameters', edit.parameters,
                   'sequence', edit.sequence) ORDER BY edit.sequence), '[]')
          FROM asset_edit AS edit
         WHERE edit.asset_id = asset.id) AS edits
  FROM asset
 WHERE asset.id = %(asset_id)s;

-- get_editable -> row?
-- What says whether a picture can be edited.
SELECT asset.type, asset.live_photo_video_id, asset.original_file_name, exif.projection_type,
       exif.exif_image_width, exif.exif_image_height, exif.orientation
  FROM asset
  JOIN asset_exif AS exif ON exif.asset_id = asset.id
 WHERE asset.id = %(asset_id)s;

-- list_edits -> rows
SELECT edit.id, edit.action, edit.parameters, edit.sequence
  FROM asset_edit AS edit
 WHERE edit.asset_id = %(asset_id)s
 ORDER BY edit.sequence;

-- list_texts -> rows
-- What can be read in a picture, and is shown.
SELECT ocr.id, ocr.asset_id, ocr.corners, ocr.box_score, ocr.text_score, ocr.text
  FROM asset_ocr AS ocr
 WHERE ocr.asset_id = %(asset_id)s
   AND ocr.is_visible
 ORDER BY ocr.id;

-- list_files -> rows
-- The files beside an asset's original; a filter that is null asks nothing.
-- nullable: type, is_edited, is_progressive, is_transparent
SELECT file.id, file.asset_id, file.type, file.key, file.is_edited, file.is_progressive,
       file.is_transparent, file.created_at, file.updated_at
  FROM asset_file AS file
 WHERE file.asset_id = %(asset_id)s
   AND (%(type)s::text IS NULL OR file.type = %(type)s)
   AND (%(is_edited)s::boolean IS NULL OR file.is_edited = %(is_edited)s)
   AND (%(is_progressive)s::boolean IS NULL OR file.is_progressive = %(is_progressive)s)
   AND (%(is_transparent)s::boolean IS NULL OR file.is_transparent = %(is_transparent)s)
 ORDER BY file.type, file.is_edited;

-- find_file -> row?
SELECT file.id, file.asset_id, file.type, file.key, file.is_edited, file.is_progressive,
       file.is_transparent, file.created_at, file.updated_at
  FROM asset_file AS file
 WHERE file.id = %(file_id)s;

-- count_assets -> row
-- nullable: is_favorite, visibility
SELECT count(*) FILTER (WHERE asset.type = 'IMAGE') AS images,
       count(*) FILTER (WHERE asset.type = 'VIDEO') AS videos,
       count(*) AS total
  FROM asset
 WHERE asset.owner_id = %(owner_id)s
   AND (asset.deleted_at IS NOT NULL) = %(is_trashed)s
   AND (%(is_favorite)s::boolean IS NULL OR asset.is_favorite = %(is_favorite)s)
   AND CASE WHEN %(visibility)s::text IS NULL THEN asset.visibility IN ('timeline', 'archive')
            ELSE asset.visibility = %(visibility)s END;

-- list_trashed -> rows
-- Up to a thousand of a user's assets in the trash.
SELECT asset.id
  FROM asset
 WHERE asset.owner_id = %(owner_id)s
   AND asset.deleted_at IS NOT NULL
 ORDER BY asset.id
 LIMIT 1000;

-- list_expired -> rows
-- Up to a thousand assets of one user that were put into the trash before a moment.
SELECT asset.id, asset.owner_id
  FROM asset
 WHERE asset.deleted_at < %(before)s
   AND asset.owner_id = (SELECT oldest.owner_id FROM asset AS oldest
                          WHERE oldest.deleted_at < %(before)s LIMIT 1)
 ORDER BY asset.id
 LIMIT 1000;

-- list_metadata -> rows
SELECT asset_metadata.asset_id, asset_metadata.key, asset_metadata.value, asset_metadata.updated_at
  FROM asset_metadata
 WHERE asset_metadata.asset_id = %(asset_id)s
 ORDER BY asset_metadata.key;

-- list_claimed -> rows
-- Which of these files, whose names begin with these assets' ids, are still needed.
SELECT asset.original_key AS key
  FROM asset
 WHERE asset.id = ANY(%(asset_ids)s)
   AND asset.original_key = ANY(%(keys)s)
 UNION ALL
SELECT asset_file.key
  FROM asset_file
 WHERE asset_file.asset_id = ANY(%(asset_ids)s)
   AND asset_file.key = ANY(%(keys)s);

-- list_unmade -> rows
-- Assets without a picture of which no job waits or was given up.
SELECT asset.id, asset.owner_id
  FROM asset
 WHERE asset.thumbhash IS NULL
   AND asset.created_at < now() - interval '10 minutes'
   AND asset.id > %(after)s
   AND NOT EXISTS (SELECT 1 FROM job WHERE job.entity_id = asset.id)
 ORDER BY asset.id
 LIMIT 1000;

-- list_outdated -> rows
-- Assets whose pictures were made by other settings, or are lost, and of which no job waits or was
-- given up.
SELECT asset.id, asset.owner_id
  FROM asset
 WHERE asset.thumbhash IS NOT NULL
   AND asset.deleted_at IS NULL
   AND asset.id > %(after)s
   AND (asset.made_as <> ALL(%(forms)s::text[])
        OR EXISTS (SELECT FROM asset_file AS file
                    WHERE file.asset_id = asset.id AND file.file_bytes = 0
                      AND file.type IN ('thumbnail', 'preview', 'fullsize')))
   AND NOT EXISTS (SELECT FROM job WHERE job.queue = 'thumbnail' AND job.entity_id = asset.id)
 ORDER BY asset.id
 LIMIT 1000;

-- list_unencoded -> rows
-- Films that may have to be made over, as nobody found them playable by these settings, and of
-- which no job waits or was given up.
SELECT asset.id, asset.owner_id
  FROM asset
 WHERE asset.type = 'VIDEO'
   AND asset.thumbhash IS NOT NULL
   AND asset.deleted_at IS NULL
   AND asset.created_at < now() - interval '10 minutes'
   AND asset.id > %(after)s
   AND NOT EXISTS (SELECT FROM asset_file AS file
                    WHERE file.asset_id = asset.id AND file.type = 'encoded_video')
   AND NOT EXISTS (SELECT FROM playable_film AS film
                    WHERE film.asset_id = asset.id AND film.policy = %(policy)s)
   AND NOT EXISTS (SELECT FROM job WHERE job.queue = 'transcode' AND job.entity_id = asset.id)
 ORDER BY asset.id
 LIMIT 1000;

-- list_encoded -> rows
-- Where films are that were made over, but for those of which a job waits or was given up.
SELECT asset.id, asset.owner_id, file.key
  FROM asset_file AS file
  JOIN asset ON asset.id = file.asset_id
 WHERE file.type = 'encoded_video'
   AND asset.deleted_at IS NULL
   AND asset.id > %(after)s
   AND NOT EXISTS (SELECT FROM job WHERE job.queue = 'transcode' AND job.entity_id = asset.id)
 ORDER BY asset.id
 LIMIT 1000;
