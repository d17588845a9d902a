-- list_stacks_of -> rows
-- The stacks these assets are in, and whether they hold one as its first.
SELECT stack.id, stack.primary_asset_id = ANY(%(asset_ids)s) AS is_led
  FROM stack
 WHERE stack.id IN (SELECT asset.stack_id FROM asset WHERE asset.id = ANY(%(asset_ids)s));

-- list_members -> rows
SELECT asset.id
  FROM asset
 WHERE asset.stack_id = ANY(%(stack_ids)s);

-- list_stacks -> rows
-- A user's, or the one that an asset stands for; with who is seen in it, the first first.
-- nullable: primary_asset_id
SELECT stack.id, stack.primary_asset_id,
       ARRAY(SELECT asset.id FROM asset
              WHERE asset.stack_id = stack.id
                AND asset.deleted_at IS NULL
                AND asset.visibility IN ('timeline', 'archive')
              ORDER BY asset.id <> stack.primary_asset_id, asset.file_created_at, asset.id
            ) AS asset_ids
  FROM stack
 WHERE stack.owner_id = %(owner_id)s
   AND (%(primary_asset_id)s::uuid IS NULL OR stack.primary_asset_id = %(primary_asset_id)s)
 ORDER BY stack.created_at, stack.id;

-- get_stacks -> rows
-- Those that the user owns, the same of each.
SELECT stack.id, stack.primary_asset_id,
       ARRAY(SELECT asset.id FROM asset
              WHERE asset.stack_id = stack.id
                AND asset.deleted_at IS NULL
                AND asset.visibility IN ('timeline', 'archive')
              ORDER BY asset.id <> stack.primary_asset_id, asset.file_created_at, asset.id
            ) AS asset_ids
  FROM stack
 WHERE stack.id = ANY(%(stack_ids)s)
   AND stack.owner_id = %(owner_id)s;
