-- count_library -> value
-- The months of whole libraries, from what is counted as it changes, as JSON. Of another's library
-- only what a partner sees.
-- nullable: is_favorite
WITH library AS (
    SELECT %(owner_id)s::uuid AS owner_id
     UNION ALL
    SELECT partner.shared_by_id
      FROM partner
     WHERE partner.shared_with_id = %(viewer_id)s
       AND partner.in_timeline
       AND %(with_partners)s
)
SELECT coalesce(json_agg(json_build_object('timeBucket', bucket.month, 'count', bucket.count)
                         ORDER BY CASE WHEN %(is_ascending)s THEN bucket.month END,
                                  bucket.month DESC), '[]')::text AS buckets
  FROM (SELECT counted.month, sum(counted.amount)::bigint AS count
          FROM timeline_count AS counted
         WHERE counted.owner_id = ANY(ARRAY(SELECT library.owner_id FROM library))
           AND counted.order_by = %(order_by)s
           AND counted.visibility = ANY(%(visibilities)s)
           AND counted.is_trashed = %(is_trashed)s
           AND NOT (counted.is_covered AND %(with_stacked)s)
           AND CASE WHEN counted.owner_id = %(viewer_id)s
                    THEN counted.is_favorite = coalesce(%(is_favorite)s, counted.is_favorite)
                    ELSE counted.visibility IN ('timeline', 'hidden') AND NOT counted.is_trashed
                     AND NOT coalesce(%(is_favorite)s, false) END
         GROUP BY counted.month
        HAVING sum(counted.amount) <> 0) AS bucket;

-- count_picked -> value
-- The months of what is in an album, shows a person, has a tag or was taken in a box, as JSON.
-- nullable: viewer_id, owner_id, album_id, person_id, tag_id, is_favorite
-- nullable: west, south, east, north
WITH RECURSIVE branch AS (
    SELECT tag.id FROM tag WHERE tag.id = %(tag_id)s
     UNION ALL
    SELECT below.id FROM branch JOIN tag AS below ON below.parent_id = branch.id
), library AS (
    SELECT %(owner_id)s::uuid AS owner_id
     UNION ALL
    SELECT partner.shared_by_id
      FROM partner
     WHERE partner.shared_with_id = %(viewer_id)s
       AND partner.in_timeline
       AND %(with_partners)s
)
SELECT coalesce(json_agg(json_build_object('timeBucket', bucket.month, 'count', bucket.count)
                         ORDER BY CASE WHEN %(is_ascending)s THEN bucket.month END,
                                  bucket.month DESC), '[]')::text AS buckets
  FROM (SELECT date_trunc('month', CASE %(order_by)s
                                   WHEN 'takenAt' THEN asset.local_date_time
                                   ELSE asset.created_at AT TIME ZONE 'UTC' END)::date AS month,
               count(*) AS count
          FROM asset
         WHERE asset.id IN (
                   SELECT album_asset.asset_id
                     FROM album_asset
                    WHERE album_asset.album_id = %(album_id)s
                    UNION ALL
                   SELECT face.asset_id
                     FROM asset_face AS face
                    WHERE face.person_id = %(person_id)s
                      AND %(album_id)s::uuid IS NULL
                    UNION ALL
                   SELECT tag_asset.asset_id
                     FROM branch
                     JOIN tag_asset ON tag_asset.tag_id = branch.id
                    WHERE num_nonnulls(%(album_id)s::uuid, %(person_id)s::uuid) = 0
                    UNION ALL
                   SELECT place.asset_id
                     FROM asset_exif AS place
                    WHERE place.latitude BETWEEN %(south)s::float8 AND %(north)s::float8
                      AND num_nonnulls(%(album_id)s::uuid, %(person_id)s::uuid,
                                       %(tag_id)s::uuid) = 0)
           AND asset.visibility = ANY(%(visibilities)s)
           AND (asset.deleted_at IS NOT NULL) = %(is_trashed)s
           AND NOT (asset.is_covered AND %(with_stacked)s)
           AND (asset.owner_id = %(viewer_id)s
                OR asset.deleted_at IS NULL
               AND (asset.visibility IN ('timeline', 'hidden')
                    OR asset.visibility = 'archive' AND %(album_id)s::uuid IS NOT NULL))
           AND coalesce(asset.is_favorite AND asset.owner_id = %(viewer_id)s, false)
               = coalesce(%(is_favorite)s, asset.is_favorite AND asset.owner_id = %(viewer_id)s, false)
           AND (%(owner_id)s::uuid IS NULL
                OR asset.owner_id = ANY(ARRAY(SELECT library.owner_id FROM library)))
           AND (%(person_id)s::uuid IS NULL
                OR EXISTS (SELECT FROM asset_face AS face
                             JOIN person ON person.id = face.person_id
                            WHERE face.asset_id = asset.id
                              AND face.person_id = %(person_id)s
                              AND face.is_visible
                              AND face.deleted_at IS NULL
                              AND person.owner_id = %(viewer_id)s))
           AND (%(tag_id)s::uuid IS NULL
                OR EXISTS (SELECT FROM tag_asset
                            WHERE tag_asset.asset_id = asset.id
                              AND tag_asset.tag_id IN (SELECT branch.id FROM branch)))
           AND (%(south)s::float8 IS NULL
                OR asset.latitude BETWEEN %(south)s AND %(north)s
               AND CASE WHEN %(west)s::float8 <= %(east)s::float8
                        THEN asset.longitude BETWEEN %(west)s AND %(east)s
                        ELSE asset.longitude >= %(west)s OR asset.longitude <= %(east)s END)
         GROUP BY 1) AS bucket;

-- get_bucket -> value
-- One month of libraries or of an album, or what the filters leave of it: a
-- TimeBucketAssetResponseDto in JSON. Its keys are put between the columns as text, since an object
-- would be written twice; and what needs no escapes is joined as it is, which takes half as long.
-- Times are cast, as all connections are in UTC: to look a zone up for each takes longer than to
-- read it.
-- nullable: viewer_id, owner_id, album_id, person_id, tag_id, is_favorite
-- nullable: west, south, east, north
WITH RECURSIVE branch AS (
    SELECT tag.id FROM tag WHERE tag.id = %(tag_id)s
     UNION ALL
    SELECT below.id FROM branch JOIN tag AS below ON below.parent_id = branch.id
), library AS (
    SELECT %(owner_id)s::uuid AS owner_id
     UNION ALL
    SELECT partner.shared_by_id
      FROM partner
     WHERE partner.shared_with_id = %(viewer_id)s
       AND partner.in_timeline
       AND %(with_partners)s
), picked AS (
    SELECT asset.id, asset.owner_id, asset.width, asset.height, asset.is_favorite,
           asset.visibility, asset.deleted_at, asset.type, asset.thumbhash, asset.created_at,
           asset.file_created_at, asset.local_date_time, asset.duration_ms,
           asset.live_photo_video_id, asset.stack_id, asset.is_covered, asset.projection_type,
           asset.city, asset.country, asset.latitude, asset.longitude
      FROM asset
     WHERE asset.owner_id = ANY(ARRAY(SELECT library.owner_id FROM library))
       AND asset.local_date_time >= %(month)s::date
       AND asset.local_date_time < %(month)s::date + interval '1 month'
       AND %(order_by)s = 'takenAt'
       AND %(album_id)s::uuid IS NULL
     UNION ALL
    SELECT asset.id, asset.owner_id, asset.width, asset.height, asset.is_favorite,
           asset.visibility, asset.deleted_at, asset.type, asset.thumbhash, asset.created_at,
           asset.file_created_at, asset.local_date_time, asset.duration_ms,
           asset.live_photo_video_id, asset.stack_id, asset.is_covered, asset.projection_type,
           asset.city, asset.country, asset.latitude, asset.longitude
      FROM asset
     WHERE asset.owner_id = ANY(ARRAY(SELECT library.owner_id FROM library))
       AND asset.created_at >= %(month)s::date
       AND asset.created_at < %(month)s::date + interval '1 month'
       AND %(order_by)s <> 'takenAt'
       AND %(album_id)s::uuid IS NULL
     UNION ALL
    SELECT asset.id, asset.owner_id, asset.width, asset.height, asset.is_favorite,
           asset.visibility, asset.deleted_at, asset.type, asset.thumbhash, asset.created_at,
           asset.file_created_at, asset.local_date_time, asset.duration_ms,
           asset.live_photo_video_id, asset.stack_id, asset.is_covered, asset.projection_type,
           asset.city, asset.country, asset.latitude, asset.longitude
      FROM album_asset AS linked
      JOIN asset ON asset.id = linked.asset_id
     WHERE linked.album_id = %(album_id)s
       AND (%(owner_id)s::uuid IS NULL
            OR asset.owner_id = ANY(ARRAY(SELECT library.owner_id FROM library)))
       AND date_trunc('month', CASE %(order_by)s
                               WHEN 'takenAt' THEN asset.local_date_time
                               ELSE asset.created_at AT TIME ZONE 'UTC' END) = %(month)s::date
)
SELECT concat(
           '{"id":', coalesce('["' || string_agg(shown.id::text, '","') || '"]', '[]'),
           ',"ownerId":', coalesce('["' || string_agg(shown.owner_id::text, '","') || '"]', '[]'),
           ',"ratio":[', string_agg(shown.ratio::text, ','),
           '],"isFavorite":[', string_agg(shown.is_favorite, ','),
           '],"visibility":', coalesce('["' || string_agg(shown.visibility, '","') || '"]', '[]'),
           ',"isTrashed":[',
           rtrim(repeat(CASE WHEN %(is_trashed)s THEN 'true,' ELSE 'false,' END,
                        count(*)::integer), ','),
           '],"isImage":[', string_agg(shown.is_image, ','),
           '],"thumbhash":[', string_agg(shown.thumbhash, ','),
           '],"createdAt":', coalesce(to_json(array_agg(shown.created_at)), '[]'),
           ',"fileCreatedAt":', coalesce(to_json(array_agg(shown.file_created_at)), '[]'),
           ',"localOffsetHours":[', string_agg(shown.offset_hours::text, ','),
           '],"duration":', coalesce(to_json(array_agg(shown.duration_ms)), '[]'),
           ',"projectionType":', coalesce(to_json(array_agg(shown.projection_type)), '[]'),
           ',"livePhotoVideoId":', coalesce(to_json(array_agg(shown.live_photo_video_id)), '[]'),
           CASE WHEN %(with_places)s THEN concat(
               ',"city":', coalesce(to_json(array_agg(shown.city)), '[]'),
               ',"country":', coalesce(to_json(array_agg(shown.country)), '[]')) END,
           CASE WHEN %(with_coordinates)s THEN concat(
               ',"latitude":', coalesce(to_json(array_agg(shown.latitude)), '[]'),
               ',"longitude":', coalesce(to_json(array_agg(shown.longitude)), '[]')) END,
           CASE WHEN %(with_stacked)s THEN concat(
               ',"stack":', coalesce(json_agg(shown.stack), '[]')) END,
           '}') AS assets
  FROM (SELECT picked.id, picked.owner_id, picked.visibility, picked.duration_ms,
               picked.live_photo_video_id, picked.projection_type, picked.city, picked.country,
               picked.latitude, picked.longitude,
               CASE WHEN picked.width > 0 AND picked.height > 0
                    THEN round(picked.width * 1000::float8 / picked.height) / 1000
                    ELSE 1 END AS ratio,
               CASE WHEN picked.is_favorite AND picked.owner_id = %(viewer_id)s
                    THEN 'true' ELSE 'false' END AS is_favorite,
               CASE picked.type WHEN 'IMAGE' THEN 'true' ELSE 'false' END AS is_image,
               coalesce('"' || encode(picked.thumbhash, 'base64') || '"', 'null') AS thumbhash,
               picked.created_at::timestamp(3) AS created_at,
               picked.file_created_at::timestamp(3) AS file_created_at,
               date_part('epoch', picked.local_date_time - picked.file_created_at::timestamp)
                   / 3600 AS offset_hours,
               CASE WHEN picked.stack_id IS NOT NULL AND %(with_stacked)s THEN (
                   SELECT json_build_array(picked.stack_id, count(*)::text)
                     FROM asset AS mate
                    WHERE mate.stack_id = picked.stack_id
                      AND mate.deleted_at IS NULL
                      AND mate.visibility = 'timeline'
                   HAVING count(*) > 0) END AS stack
          FROM picked
         WHERE picked.visibility = ANY(%(visibilities)s)
           AND (picked.deleted_at IS NOT NULL) = %(is_trashed)s
           AND NOT (picked.is_covered AND %(with_stacked)s)
           AND (picked.owner_id = %(viewer_id)s
                OR picked.deleted_at IS NULL
               AND (picked.visibility IN ('timeline', 'hidden')
                    OR picked.visibility = 'archive' AND %(album_id)s::uuid IS NOT NULL))
           AND coalesce(picked.is_favorite AND picked.owner_id = %(viewer_id)s, false)
               = coalesce(%(is_favorite)s, picked.is_favorite AND picked.owner_id = %(viewer_id)s, false)
           AND (%(person_id)s::uuid IS NULL
                OR EXISTS (SELECT FROM asset_face AS face
                             JOIN person ON person.id = face.person_id
                            WHERE face.asset_id = picked.id
                              AND face.person_id = %(person_id)s
                              AND face.is_visible
                              AND face.deleted_at IS NULL
                              AND person.owner_id = %(viewer_id)s))
           AND (%(tag_id)s::uuid IS NULL
                OR EXISTS (SELECT FROM tag_asset
                            WHERE tag_asset.asset_id = picked.id
                              AND tag_asset.tag_id IN (SELECT branch.id FROM branch)))
           AND (%(south)s::float8 IS NULL
                OR picked.latitude BETWEEN %(south)s AND %(north)s
               AND CASE WHEN %(west)s::float8 <= %(east)s::float8
                        THEN picked.longitude BETWEEN %(west)s AND %(east)s
                        ELSE picked.longitude >= %(west)s OR picked.longitude <= %(east)s END)
         ORDER BY CASE %(order_by)s WHEN 'takenAt'
                  THEN CASE WHEN %(is_ascending)s THEN 1 ELSE -1 END
                     * (picked.local_date_time::date - date '2000-01-01') END,
                  CASE WHEN %(is_ascending)s AND %(order_by)s <> 'takenAt'
                       THEN picked.created_at END,
                  CASE WHEN %(order_by)s <> 'takenAt' THEN picked.created_at END DESC,
                  CASE WHEN %(is_ascending)s THEN picked.file_created_at END,
                  picked.file_created_at DESC,
                  picked.id) AS shown;

-- is_partner -> value
-- Whether somebody lets a user see their library.
SELECT EXISTS (SELECT FROM partner
                WHERE partner.shared_by_id = %(owner_id)s
                  AND partner.shared_with_id = %(user_id)s) AS is_partner;

-- count_days -> rows
-- How much of a user's library was taken, or uploaded, on each day of some.
SELECT CASE %(type)s WHEN 'Taken' THEN asset.local_date_time
            ELSE asset.created_at AT TIME ZONE 'UTC' END::date AS day,
       count(*) AS count
  FROM asset
 WHERE asset.owner_id = %(owner_id)s
   AND asset.visibility IN ('timeline', 'archive')
   AND asset.deleted_at IS NULL
   AND (%(type)s = 'Taken'
        AND asset.local_date_time >= %(first)s::date
        AND asset.local_date_time < %(last)s::date + 1
        OR %(type)s <> 'Taken'
        AND asset.created_at >= %(first)s::date
        AND asset.created_at < %(last)s::date + 1)
 GROUP BY 1;
