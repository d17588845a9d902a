-- join_group -> rows
-- These assets make one group.
UPDATE asset
   SET duplicate_id = %(duplicate_id)s, is_compared = true, updated_at = now()
 WHERE id = ANY(%(asset_ids)s)
RETURNING id;

-- leave_groups -> rows
UPDATE asset
   SET duplicate_id = NULL, updated_at = now()
 WHERE id = ANY(%(asset_ids)s)
   AND duplicate_id IS NOT NULL
RETURNING id;
