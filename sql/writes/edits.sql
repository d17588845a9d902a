-- delete_edits -> rows
DELETE FROM asset_edit WHERE asset_id = ANY(%(asset_ids)s) RETURNING id;

-- insert_edits -> rows
INSERT INTO asset_edit (asset_id, action, parameters, sequence)
SELECT %(asset_id)s, edit.action, edit.parameters, edit.number - 1
  FROM unnest(%(actions)s::text[], %(parameters)s::jsonb[]) WITH ORDINALITY
       AS edit (action, parameters, number)
RETURNING id, action, parameters, sequence;

-- set_edited -> count
UPDATE asset SET is_edited = %(is_edited)s, updated_at = now() WHERE id = %(asset_id)s;

-- show_edit -> count
UPDATE asset
   SET thumbhash = %(thumbhash)s, width = %(width)s, height = %(height)s, updated_at = now()
 WHERE id = %(asset_id)s;

-- hold_edited -> row?
-- An asset held until commit, with its edits as they are now.
SELECT asset.owner_id,
       ARRAY(SELECT asset_edit.id FROM asset_edit
              WHERE asset_edit.asset_id = asset.id ORDER BY asset_edit.sequence) AS edit_ids
  FROM asset
 WHERE asset.id = %(asset_id)s
   FOR UPDATE;

-- put_edited -> none
INSERT INTO asset_file (asset_id, type, key, file_bytes, is_progressive, is_transparent, is_edited)
SELECT %(asset_id)s, file.type, file.key, file.file_bytes, file.is_progressive,
       %(is_transparent)s, true
  FROM unnest(%(types)s::text[], %(keys)s::text[], %(sizes)s::bigint[], %(progressive)s::boolean[])
       AS file (type, key, file_bytes, is_progressive);

-- delete_edited -> rows
-- The files of the edit before; a run that is repeated finds its own, whose bytes stay.
DELETE FROM asset_file
 WHERE asset_id = %(asset_id)s AND is_edited
RETURNING key;
