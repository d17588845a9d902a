-- lock_stack -> row?
SELECT stack.id, stack.primary_asset_id
  FROM stack
 WHERE stack.id = %(stack_id)s
   AND stack.owner_id = %(owner_id)s
   FOR UPDATE;

-- lock_stacks -> rows
-- Those of the stacks that the user owns, held until commit; in one order, so none can deadlock.
SELECT stack.id
  FROM stack
 WHERE stack.id = ANY(%(stack_ids)s)
   AND stack.owner_id = %(owner_id)s
 ORDER BY stack.id
   FOR UPDATE;

-- lock_led -> rows
-- The stacks that one of these assets stands for; in one order, so none can deadlock.
SELECT stack.id
  FROM stack
 WHERE stack.primary_asset_id = ANY(%(asset_ids)s)
 ORDER BY stack.id
   FOR UPDATE;

-- insert_stack -> row
INSERT INTO stack (owner_id, primary_asset_id)
VALUES (%(owner_id)s, %(primary_asset_id)s)
RETURNING id;

-- set_primary -> count
UPDATE stack
   SET primary_asset_id = %(primary_asset_id)s, updated_at = now()
 WHERE id = %(stack_id)s;

-- touch_stack -> count
UPDATE stack SET updated_at = now() WHERE id = %(stack_id)s;

-- move_assets -> rows
-- Into a stack, or out of any.
-- nullable: stack_id
UPDATE asset
   SET stack_id = %(stack_id)s, updated_at = now()
 WHERE id = ANY(%(asset_ids)s)
   AND stack_id IS DISTINCT FROM %(stack_id)s
RETURNING id;

-- free_lonely -> rows
-- Take out those who are alone in one of these stacks.
UPDATE asset
   SET stack_id = NULL, updated_at = now()
 WHERE stack_id = ANY(%(stack_ids)s)
   AND NOT EXISTS (SELECT 1 FROM asset AS mate
                    WHERE mate.stack_id = asset.stack_id AND mate.id <> asset.id)
RETURNING id;

-- delete_empty -> rows
-- Those of the stacks that have nobody.
DELETE FROM stack
 WHERE id = ANY(%(stack_ids)s)
   AND NOT EXISTS (SELECT 1 FROM asset WHERE asset.stack_id = stack.id)
RETURNING id;

-- promote_next -> rows
-- Stacks that lost their first get their oldest as it, if possible one that is not in the trash.
UPDATE stack
   SET primary_asset_id = (
           SELECT asset.id FROM asset
            WHERE asset.stack_id = stack.id
            ORDER BY asset.deleted_at IS NOT NULL, asset.file_created_at, asset.id
            LIMIT 1),
       updated_at = now()
 WHERE id = ANY(%(stack_ids)s)
   AND NOT EXISTS (SELECT 1 FROM asset
                    WHERE asset.id = stack.primary_asset_id AND asset.stack_id = stack.id)
RETURNING id;
