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

-- list_faces_of -> rows
-- Of some people, all or so many; also, or not, those that stand for them.
-- nullable: limit
SELECT face.id, face.asset_id
  FROM person
  JOIN asset_face AS face ON face.person_id = person.id
 WHERE person.id = ANY(%(person_ids)s)
   AND (%(with_featured)s OR face.id IS DISTINCT FROM person.face_id)
 LIMIT %(limit)s;

-- find_faces -> rows
-- Where each of these people is to be seen in the asset beside them.
SELECT face.id, face.asset_id, face.person_id, asset.visibility, asset.is_offline
  FROM unnest(%(asset_ids)s::uuid[], %(person_ids)s::uuid[]) AS pair (asset_id, person_id)
  JOIN asset_face AS face ON face.asset_id = pair.asset_id AND face.person_id = pair.person_id
  JOIN asset ON asset.id = face.asset_id
 WHERE face.deleted_at IS NULL
 ORDER BY face.id;

-- get_owner -> row?
SELECT asset.owner_id FROM asset WHERE asset.id = %(asset_id)s;

-- list_people -> row
-- One page of a user's people: those with a name, or with as many faces as the user cares for, in
-- pictures of the timeline; and of how many people any face is there. One more than the page
-- holds is given when there is another page.
WITH seen AS MATERIALIZED (
    SELECT person.id, person.is_hidden, person.is_favorite, person.name, person.created_at,
           counted.faces
      FROM person
      JOIN (SELECT person_count.person_id, sum(person_count.amount) AS faces
              FROM person_count
             WHERE person_count.owner_id = %(owner_id)s
             GROUP BY person_count.person_id) AS counted ON counted.person_id = person.id
     WHERE counted.faces > 0
), ranked AS (
    SELECT seen.id, row_number() OVER (
               ORDER BY seen.is_hidden, seen.is_favorite DESC, seen.name = '', seen.faces DESC,
                        nullif(seen.name, '') NULLS LAST, seen.created_at, seen.id) AS rank
      FROM seen
     WHERE (%(with_hidden)s OR NOT seen.is_hidden)
       AND (seen.name <> '' OR seen.faces >= coalesce(
               (SELECT (user_metadata.value -> 'people' ->> 'minimumFaces')::integer
                  FROM user_metadata
                 WHERE user_metadata.user_id = %(owner_id)s
                   AND user_metadata.key = 'preferences'), %(minimum_faces)s))
)
SELECT (SELECT count(*) FROM seen) AS total,
       (SELECT count(*) FROM seen WHERE seen.is_hidden) AS hidden,
       coalesce((
           SELECT jsonb_agg(jsonb_build_object(
                      'id', person.id, 'name', person.name, 'birth_date', person.birth_date,
                      'thumbnail_key', person.thumbnail_key, 'is_hidden', person.is_hidden,
                      'is_favorite', person.is_favorite, 'color', person.color,
                      'updated_at', person.updated_at) ORDER BY ranked.rank)
             FROM ranked
             JOIN person ON person.id = ranked.id
            WHERE ranked.rank > %(offset)s::bigint
              AND ranked.rank <= %(offset)s::bigint + %(limit)s + 1), '[]') AS people;

-- get_people -> rows
SELECT person.id, person.name, person.birth_date, person.thumbnail_key, person.is_hidden,
       person.is_favorite, person.color, person.face_id, person.updated_at
  FROM person
 WHERE person.id = ANY(%(person_ids)s);

-- get_thumbnail -> row?
-- Where the picture of a person is, and who may see what it is cut out of.
SELECT person.thumbnail_key, asset.visibility
  FROM person
  JOIN asset_face AS face ON face.id = person.face_id
  JOIN asset ON asset.id = face.asset_id
 WHERE person.id = %(person_id)s;

-- list_owned -> rows
-- Those of the people that are the user's.
SELECT person.id
  FROM person
 WHERE person.id = ANY(%(person_ids)s)
   AND person.owner_id = %(owner_id)s;

-- count_pictures -> value
-- In how many of the timeline a person is to be seen.
SELECT count(DISTINCT face.asset_id)
  FROM asset_face AS face
  JOIN asset ON asset.id = face.asset_id
 WHERE face.person_id = %(person_id)s
   AND face.deleted_at IS NULL
   AND face.is_visible
   AND asset.visibility = 'timeline'
   AND asset.deleted_at IS NULL;

-- count_faces -> value
-- Of some people, deleted ones too.
SELECT count(*) FROM asset_face AS face WHERE face.person_id = ANY(%(person_ids)s);

-- list_seen -> rows
-- The faces in an asset, from the left; only the viewer's own people are named.
SELECT face.id, face.image_width, face.image_height, face.x1, face.y1, face.x2, face.y2,
       face.source_type,
       CASE WHEN person.id IS NOT NULL THEN jsonb_build_object(
           'id', person.id, 'name', person.name, 'birth_date', person.birth_date,
           'thumbnail_key', person.thumbnail_key, 'is_hidden', person.is_hidden,
           'is_favorite', person.is_favorite, 'color', person.color,
           'updated_at', person.updated_at) END AS person
  FROM asset_face AS face
  LEFT JOIN person ON person.id = face.person_id AND person.owner_id = %(viewer_id)s
 WHERE face.asset_id = %(asset_id)s
   AND face.deleted_at IS NULL
   AND face.is_visible
 ORDER BY face.x1, face.id;

-- get_thumbnail_source -> row?
-- What a worker needs to make a picture of a person: their face, and where it is to be seen. The
-- box is not that of what edits left of a picture.
SELECT person.id, person.owner_id, face.id AS face_id, face.image_width, face.image_height,
       face.x1, face.y1, face.x2, face.y2, asset.type, asset.original_key,
       preview.key AS preview_key
  FROM person
  JOIN asset_face AS face ON face.id = person.face_id
  JOIN asset ON asset.id = face.asset_id
  LEFT JOIN asset_file AS preview
    ON preview.asset_id = asset.id AND preview.type = 'preview' AND NOT asset.is_edited
 WHERE person.id = %(person_id)s;

-- list_unpictured -> rows
-- People with a face and no picture of it, of which no job waits or was given up.
SELECT person.id, person.owner_id
  FROM person
 WHERE person.face_id IS NOT NULL
   AND person.thumbnail_key IS NULL
   AND person.updated_at < now() - interval '10 minutes'
   AND person.id > %(after)s
   AND NOT EXISTS (SELECT 1 FROM job WHERE job.entity_id = person.id)
 ORDER BY person.id
 LIMIT 1000;

-- list_claimed -> rows
-- Which of these files, whose names begin with these people's ids, are still needed.
SELECT person.thumbnail_key AS key
  FROM person
 WHERE person.id = ANY(%(person_ids)s)
   AND person.thumbnail_key = ANY(%(keys)s);
