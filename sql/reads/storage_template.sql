-- list_sources -> rows
-- What tells where an asset belongs, and its moving part beside it: of a part, what is known of its
-- still. Not of what lies elsewhere, is thrown away, or is in its still, too.
SELECT asset.id, asset.owner_id, asset.original_key, asset.checksum, asset.file_bytes,
       owner.storage_label, sidecar.key AS sidecar_key, sidecar.updated_at AS sidecar_at,
       shown.id AS shown_id, shown.type AS shown_type, shown.original_file_name AS shown_file_name,
       shown.local_date_time, exif.make, exif.model, exif.lens_model,
       album.name AS album, dates.first AS album_start, dates.last AS album_end
  FROM asset
  JOIN "user" AS owner ON owner.id = asset.owner_id
  JOIN asset AS shown ON shown.id = coalesce(
       (SELECT still.id
          FROM asset AS still
         WHERE still.live_photo_video_id = asset.id
           AND still.owner_id = asset.owner_id
         ORDER BY still.created_at, still.id
         LIMIT 1),
       asset.id)
  JOIN asset_exif AS exif ON exif.asset_id = shown.id
  LEFT JOIN asset_file AS sidecar ON sidecar.asset_id = asset.id
                                 AND sidecar.type = 'sidecar'
                                 AND NOT sidecar.is_edited
  LEFT JOIN LATERAL (
       SELECT album.id, album.name
         FROM album_asset AS link
         JOIN album_user AS member ON member.album_id = link.album_id
                                  AND member.user_id = asset.owner_id
         JOIN album ON album.id = link.album_id
        WHERE link.asset_id = shown.id
        ORDER BY album.created_at DESC, album.id
        LIMIT 1) AS album ON true
  LEFT JOIN LATERAL (
       SELECT min(other.local_date_time) AS first, max(other.local_date_time) AS last
         FROM album_asset AS link
         JOIN asset AS other ON other.id = link.asset_id
        WHERE link.album_id = album.id
          AND other.deleted_at IS NULL) AS dates ON %(with_album_dates)s
 WHERE asset.id IN (%(asset_id)s,
                    (SELECT still.live_photo_video_id FROM asset AS still
                      WHERE still.id = %(asset_id)s))
   AND asset.library_id IS NULL
   AND asset.deleted_at IS NULL
   AND NOT asset.is_extracted
 ORDER BY asset.id;

-- list_names -> rows
-- Which of these names are somebody's. A sidecar's is its original's.
SELECT storage_name.fold, storage_name.key, storage_name.asset_id, storage_name.with_sidecar,
       (storage_name.with_sidecar AND storage_name.state <> 'settled')
       OR EXISTS (SELECT FROM asset_file
                   WHERE asset_file.asset_id = storage_name.asset_id
                     AND asset_file.key = storage_name.key || '.xmp') AS has_sidecar
  FROM storage_name
 WHERE storage_name.fold = ANY(%(folds)s::bytea[]);

-- list_sidecars -> rows
-- The sidecars of assets that are held.
SELECT asset_file.asset_id, asset_file.key, asset_file.updated_at
  FROM asset_file
 WHERE asset_file.asset_id = ANY(%(asset_ids)s)
   AND asset_file.type = 'sidecar'
   AND NOT asset_file.is_edited;

-- was_moved -> value
-- Whether an asset came to where it is so short a time ago.
SELECT EXISTS (
    SELECT FROM storage_name
     WHERE storage_name.asset_id = %(asset_id)s
       AND storage_name.state = 'settled'
       AND storage_name.at > now() - %(within)s::interval) AS was_moved;
