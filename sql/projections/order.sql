-- stack -> rows
-- It names its first asset, so nobody sees it who does not see that.
SELECT (SELECT row_to_json(line)::text FROM (SELECT
           stack.id, iso(stack.created_at) AS "createdAt", iso(stack.updated_at) AS "updatedAt",
           stack.primary_asset_id AS "primaryAssetId", stack.owner_id AS "ownerId"
       ) AS line) AS data,
       NULL AS gone,
       CASE first.visibility WHEN 'locked' THEN 0 WHEN 'archive' THEN 1 ELSE 2 END AS reach
  FROM stack
  JOIN asset AS first ON first.id = stack.primary_asset_id
 WHERE stack.id = touched.key
   AND stack.owner_id = touched.scope

-- memory -> rows
SELECT (SELECT row_to_json(line)::text FROM (SELECT
           memory.id, iso(memory.created_at) AS "createdAt", iso(memory.updated_at) AS "updatedAt",
           iso(memory.deleted_at) AS "deletedAt", memory.owner_id AS "ownerId", memory.type,
           memory.data, memory.is_saved AS "isSaved", iso(memory.memory_at) AS "memoryAt",
           iso(memory.seen_at) AS "seenAt", iso(memory.show_at) AS "showAt",
           iso(memory.hide_at) AS "hideAt") AS line) AS data,
       NULL AS gone
  FROM memory
 WHERE memory.id = touched.key
   AND memory.owner_id = touched.scope

-- memory_asset -> rows
SELECT (SELECT row_to_json(line)::text FROM (SELECT
           memory_asset.memory_id AS "memoryId", memory_asset.asset_id AS "assetId"
       ) AS line) AS data,
       (SELECT row_to_json(line)::text FROM (SELECT
           memory_asset.memory_id AS "memoryId", memory_asset.asset_id AS "assetId"
       ) AS line) AS gone
  FROM memory_asset
  JOIN memory ON memory.id = memory_asset.memory_id
 WHERE memory_asset.id = touched.key
   AND memory.owner_id = touched.scope

-- person -> rows
SELECT (SELECT row_to_json(line)::text FROM (SELECT
           person.id, iso(person.created_at) AS "createdAt", iso(person.updated_at) AS "updatedAt",
           person.owner_id AS "ownerId", person.name,
           iso(person.birth_date::timestamp AT TIME ZONE 'UTC') AS "birthDate",
           person.is_hidden AS "isHidden", person.is_favorite AS "isFavorite", person.color,
           person.face_id AS "faceAssetId") AS line) AS data,
       NULL AS gone
  FROM person
 WHERE person.id = touched.key
   AND person.owner_id = touched.scope

-- asset_face -> rows
-- A person of another owner is not named: the app could not find one.
SELECT (SELECT row_to_json(line)::text FROM (SELECT
           face.id, face.asset_id AS "assetId", person.id AS "personId",
           face.image_width AS "imageWidth", face.image_height AS "imageHeight",
           face.x1 AS "boundingBoxX1", face.y1 AS "boundingBoxY1",
           face.x2 AS "boundingBoxX2", face.y2 AS "boundingBoxY2",
           face.source_type AS "sourceType", iso(face.deleted_at) AS "deletedAt",
           face.is_visible AS "isVisible") AS line) AS data,
       NULL AS gone
  FROM asset_face AS face
  JOIN asset ON asset.id = face.asset_id
  LEFT JOIN person ON person.id = face.person_id AND person.owner_id = asset.owner_id
 WHERE face.id = touched.key
   AND asset.owner_id = touched.scope
