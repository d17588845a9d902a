-- insert_links -> none
-- Tags that a file names.
INSERT INTO tag_asset (tag_id, asset_id, is_from_file)
SELECT tag.id, %(asset_id)s, true
  FROM unnest(%(tag_ids)s::uuid[]) AS tag (id)
 ORDER BY tag.id
    ON CONFLICT DO NOTHING;

-- delete_links -> none
-- Tags that a file does not name any more, but for those that a person gave.
DELETE FROM tag_asset
 USING tag
 WHERE tag_asset.asset_id = %(asset_id)s
   AND tag_asset.is_from_file
   AND tag.id = tag_asset.tag_id
   AND tag.value = ANY(%(values)s);

-- name_face -> none
UPDATE asset_face SET written_name = %(name)s WHERE id = %(face_id)s;

-- mark_unwritten -> none
-- A person said something of assets.
UPDATE asset_exif SET is_unwritten = true WHERE asset_id = ANY(%(asset_ids)s);

-- set_written -> none
-- All that people say of an asset is in its sidecar, if there is anything.
UPDATE asset_exif SET is_unwritten = false, tags = %(tags)s WHERE asset_id = %(asset_id)s;
