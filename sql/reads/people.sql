-- get_face -> row?
SELECT face.id, face.asset_id, face.person_id
  FROM asset_face AS face
 WHERE face.id = %(face_id)s;

-- list_faces -> rows
-- All of some assets, whoever found them, deleted ones too.
SELECT face.id, face.source_type, face.image_width, face.image_height,
       face.x1, face.y1, face.x2, face.y2
  FROM asset_face AS face
 WHERE face.asset_id = ANY(%(asset_ids)s)
 ORDER BY face.id;

-- find_face -> row?
-- Where a person is to be seen in an asset.
SELECT face.id
  FROM asset_face AS face
 WHERE face.asset_id = %(asset_id)s
   AND face.person_id = %(person_id)s
   AND face.deleted_at IS NULL
 ORDER BY face.id
 LIMIT 1;

-- get_owner -> row?
SELECT asset.owner_id FROM asset WHERE asset.id = %(asset_id)s;
