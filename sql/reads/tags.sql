-- list_tags -> rows
SELECT tag.id, tag.parent_id, tag.value, tag.color, tag.created_at, tag.updated_at
  FROM tag
 WHERE tag.owner_id = %(owner_id)s
 ORDER BY tag.value;

-- get_tags -> rows
-- Those of the tags that the user owns.
SELECT tag.id, tag.parent_id, tag.value, tag.color, tag.created_at, tag.updated_at
  FROM tag
 WHERE tag.id = ANY(%(tag_ids)s)
   AND tag.owner_id = %(owner_id)s;

-- find_values -> rows
-- Which of these values a user has as tags.
SELECT tag.id, tag.value
  FROM tag
 WHERE tag.owner_id = %(owner_id)s
   AND tag.value = ANY(%(values)s);
