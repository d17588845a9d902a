-- get_read -> row?
-- What is known of an asset's file since it was last read.
-- nullable: sidecar_key, sidecar_at
SELECT asset.owner_id, exif.tags, sidecar.key AS sidecar_key, sidecar.updated_at AS sidecar_at,
       EXISTS (SELECT FROM asset_face AS face
                WHERE face.asset_id = asset.id AND face.source_type = 'exif') AS has_faces
  FROM asset
  JOIN asset_exif AS exif ON exif.asset_id = asset.id
  LEFT JOIN asset_file AS sidecar ON sidecar.asset_id = asset.id AND sidecar.type = 'sidecar'
 WHERE asset.id = %(asset_id)s;

-- list_faces -> rows
-- All in an asset, deleted ones too.
SELECT face.id, face.person_id, face.image_width, face.image_height,
       face.x1, face.y1, face.x2, face.y2, face.source_type, face.written_name, face.deleted_at
  FROM asset_face AS face
 WHERE face.asset_id = %(asset_id)s
 ORDER BY face.source_type = 'exif' DESC, face.id;

-- find_people -> rows
-- Whom of a user's people these are the names of, however they are capitalised: the first there was.
SELECT DISTINCT ON (named.name) named.name, person.id
  FROM unnest(%(names)s::text[]) AS named (name)
  JOIN person ON lower(person.name) = lower(named.name)
 WHERE person.owner_id = %(owner_id)s
 ORDER BY named.name, person.created_at, person.id;

-- get_said -> row?
-- What people say of an asset, and what of that its files are known to say.
-- nullable: library_id, latitude, longitude, rating, time_zone, sidecar_key, sidecar_at
SELECT asset.id, asset.owner_id, asset.library_id, asset.original_key, asset.file_created_at,
       asset.local_date_time, exif.description, exif.latitude, exif.longitude, exif.rating,
       exif.time_zone, exif.edited, exif.is_unwritten, exif.tags AS written_tags,
       sidecar.key AS sidecar_key, sidecar.updated_at AS sidecar_at,
       ARRAY(SELECT tag.value
               FROM tag_asset
               JOIN tag ON tag.id = tag_asset.tag_id
              WHERE tag_asset.asset_id = asset.id
              ORDER BY tag.value COLLATE "C") AS tags
  FROM asset
  JOIN asset_exif AS exif ON exif.asset_id = asset.id
  LEFT JOIN asset_file AS sidecar ON sidecar.asset_id = asset.id AND sidecar.type = 'sidecar'
 WHERE asset.id = %(asset_id)s;

-- list_naming -> rows
-- Assets whose files name any of these tags, from an id on.
SELECT asset.id
  FROM asset_exif AS exif
  JOIN asset ON asset.id = exif.asset_id
 WHERE exif.tags && %(values)s::text[]
   AND exif.tags <> '{}'
   AND asset.owner_id = %(owner_id)s
   AND asset.id > %(after)s
 ORDER BY asset.id
 LIMIT %(limit)s;
