-- insert_person -> row
-- nullable: birth_date, color
INSERT INTO person (owner_id, name, birth_date, is_hidden, is_favorite, color)
VALUES (%(owner_id)s, %(name)s, %(birth_date)s, %(is_hidden)s, %(is_favorite)s, %(color)s)
RETURNING id;

-- lock_people -> rows
-- Those of the people that are the user's, held until commit; in one order, so none can deadlock.
SELECT person.id
  FROM person
 WHERE person.id = ANY(%(person_ids)s)
   AND person.owner_id = %(owner_id)s
 ORDER BY person.id
   FOR UPDATE;

-- update_people -> count
-- A change of each: what its object does not name stays.
UPDATE person
   SET name = CASE WHEN change.value ? 'name' THEN change.value ->> 'name' ELSE person.name END,
       birth_date = CASE WHEN change.value ? 'birth_date'
                         THEN (change.value ->> 'birth_date')::date ELSE person.birth_date END,
       is_hidden = coalesce((change.value ->> 'is_hidden')::boolean, person.is_hidden),
       is_favorite = coalesce((change.value ->> 'is_favorite')::boolean, person.is_favorite),
       color = CASE WHEN change.value ? 'color' THEN change.value ->> 'color'
                    ELSE person.color END,
       face_id = coalesce((change.value ->> 'face_id')::uuid, person.face_id),
       updated_at = now()
  FROM unnest(%(person_ids)s::uuid[], %(values)s::jsonb[]) AS change (person_id, value)
 WHERE person.id = change.person_id;

-- inherit -> count
-- What nobody said of a person, the first of the others who has it says.
UPDATE person
   SET name = CASE WHEN person.name <> '' THEN person.name
                   ELSE coalesce((SELECT other.name FROM person AS other
                                   WHERE other.id = ANY(%(other_ids)s) AND other.name <> ''
                                   ORDER BY array_position(%(other_ids)s::uuid[], other.id)
                                   LIMIT 1), '') END,
       birth_date = coalesce(person.birth_date, (
           SELECT other.birth_date FROM person AS other
            WHERE other.id = ANY(%(other_ids)s) AND other.birth_date IS NOT NULL
            ORDER BY array_position(%(other_ids)s::uuid[], other.id)
            LIMIT 1)),
       updated_at = now()
 WHERE person.id = %(person_id)s;

-- delete_people -> rows
DELETE FROM person WHERE id = ANY(%(person_ids)s) RETURNING id, thumbnail_key;

-- delete_all_people -> rows
-- All of a user's.
DELETE FROM person WHERE owner_id = %(owner_id)s RETURNING id, thumbnail_key;

-- assign_faces -> rows
-- To a person, or to nobody; those that were not so already. Their assets are held.
-- nullable: person_id
UPDATE asset_face
   SET person_id = %(person_id)s
 WHERE id = ANY(%(face_ids)s)
   AND person_id IS DISTINCT FROM %(person_id)s
RETURNING id;

-- insert_faces -> none
-- nullable: person_id
INSERT INTO asset_face (id, asset_id, person_id, image_width, image_height, x1, y1, x2, y2,
                        source_type)
SELECT face.id, %(asset_id)s, %(person_id)s, face.image_width, face.image_height,
       face.x1, face.y1, face.x2, face.y2, %(source_type)s
  FROM unnest(%(ids)s::uuid[], %(image_widths)s::integer[], %(image_heights)s::integer[],
              %(x1)s::integer[], %(y1)s::integer[], %(x2)s::integer[], %(y2)s::integer[])
       AS face (id, image_width, image_height, x1, y1, x2, y2);

-- delete_faces -> count
DELETE FROM asset_face WHERE id = ANY(%(face_ids)s);

-- hide_face -> count
UPDATE asset_face SET deleted_at = now() WHERE id = %(face_id)s AND deleted_at IS NULL;

-- replace_featured -> rows
-- Whoever one of these faces stands for gets the largest of their others, if there is one that is
-- not locked away; and loses the picture, whose key this tells.
UPDATE person
   SET face_id = (
           SELECT face.id
             FROM asset_face AS face
             JOIN asset ON asset.id = face.asset_id AND asset.visibility <> 'locked'
            WHERE face.person_id = person.id
              AND face.deleted_at IS NULL
              AND face.id <> ALL(%(face_ids)s)
            ORDER BY (face.x2 - face.x1)::bigint * (face.y2 - face.y1) DESC, face.id
            LIMIT 1),
       thumbnail_key = NULL,
       updated_at = now()
  FROM (
    SELECT person.id, person.thumbnail_key
      FROM person
     WHERE person.face_id = ANY(%(face_ids)s)
       FOR UPDATE
  ) AS before
 WHERE person.id = before.id
RETURNING person.id, before.thumbnail_key;

-- feature_first -> rows
-- A person without a face gets the largest of theirs that is not locked away.
UPDATE person
   SET face_id = largest.id, updated_at = now()
  FROM (
    SELECT face.id
      FROM asset_face AS face
      JOIN asset ON asset.id = face.asset_id AND asset.visibility <> 'locked'
     WHERE face.person_id = %(person_id)s
       AND face.deleted_at IS NULL
     ORDER BY (face.x2 - face.x1)::bigint * (face.y2 - face.y1) DESC, face.id
     LIMIT 1
  ) AS largest
 WHERE person.id = %(person_id)s
   AND person.face_id IS NULL
RETURNING person.id;

-- forget_thumbnail -> row?
-- The picture of a person, if it is still this one; tells whose person that is.
UPDATE person
   SET thumbnail_key = NULL
 WHERE id = %(person_id)s AND thumbnail_key = %(thumbnail_key)s
RETURNING owner_id;

-- set_thumbnail -> row?
-- The picture of a person, if it is of the face that stands for them; tells the one before it.
UPDATE person
   SET thumbnail_key = %(thumbnail_key)s, updated_at = now()
  FROM (
    SELECT person.id, person.thumbnail_key
      FROM person
     WHERE person.id = %(person_id)s
       AND person.face_id = %(face_id)s
       FOR UPDATE
  ) AS before
 WHERE person.id = before.id
RETURNING before.thumbnail_key;
