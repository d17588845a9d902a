-- list_stacks_of -> rows
-- The stacks these assets are in, and whether they hold one as its first.
SELECT stack.id, stack.primary_asset_id = ANY(%(asset_ids)s) AS is_led
  FROM stack
 WHERE stack.id IN (SELECT asset.stack_id FROM asset WHERE asset.id = ANY(%(asset_ids)s));

-- list_members -> rows
SELECT asset.id
  FROM asset
 WHERE asset.stack_id = ANY(%(stack_ids)s);
