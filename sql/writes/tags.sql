-- insert_tags -> rows
-- Those that were not there. Parents may come in the same list as their children; what is at the
-- top names itself as its parent.
-- nullable: color
INSERT INTO tag (id, owner_id, parent_id, value, color)
SELECT one.id, %(owner_id)s, nullif(one.parent_id, one.id), one.value, %(color)s
  FROM unnest(%(ids)s::uuid[], %(parent_ids)s::uuid[], %(values)s::text[])
       AS one (id, parent_id, value)
    ON CONFLICT (owner_id, value) DO NOTHING
RETURNING id;

-- lock_branch -> rows
-- A user's tag and all below it, held until commit, the tag first.
SELECT tag.id, tag.value
  FROM tag AS top
  JOIN tag ON tag.owner_id = top.owner_id
          AND (tag.id = top.id OR starts_with(tag.value, top.value || '/'))
 WHERE top.id = %(tag_id)s
   AND top.owner_id = %(owner_id)s
 ORDER BY tag.id <> top.id, tag.id
   FOR UPDATE OF tag;

-- hold_tags -> rows
-- Those of the tags that the user owns; none goes before commit.
SELECT tag.id
  FROM tag
 WHERE tag.id = ANY(%(tag_ids)s)
   AND tag.owner_id = %(owner_id)s
 ORDER BY tag.id
   FOR KEY SHARE;

-- rename_branch -> count
-- Put another value in front of what comes after the first so many characters.
UPDATE tag
   SET value = %(value)s || substr(value, %(former_length)s::integer + 1), updated_at = now()
 WHERE id = ANY(%(tag_ids)s);

-- set_color -> count
-- nullable: color
UPDATE tag SET color = %(color)s, updated_at = now() WHERE id = %(tag_id)s;

-- delete_tags -> rows
DELETE FROM tag WHERE id = ANY(%(tag_ids)s) RETURNING id;

-- insert_links -> rows
-- Every one of the tags to every one of the assets; the links that were not there.
INSERT INTO tag_asset (tag_id, asset_id)
SELECT tag.id, asset.id
  FROM unnest(%(tag_ids)s::uuid[]) AS tag (id)
 CROSS JOIN unnest(%(asset_ids)s::uuid[]) AS asset (id)
 ORDER BY tag.id, asset.id
    ON CONFLICT DO NOTHING
RETURNING tag_id, asset_id;

-- keep_links -> none
-- No file takes these links away any more: a person gave them too.
UPDATE tag_asset
   SET is_from_file = false
 WHERE tag_id = ANY(%(tag_ids)s)
   AND asset_id = ANY(%(asset_ids)s)
   AND is_from_file;

-- delete_links -> rows
DELETE FROM tag_asset
 WHERE tag_id = %(tag_id)s AND asset_id = ANY(%(asset_ids)s)
RETURNING asset_id;
