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
