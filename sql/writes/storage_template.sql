-- wait_for_disk -> none
-- Files are removed on the word of this transaction, so its commit is to last.
SELECT set_config('synchronous_commit', 'on', true);

-- reserve_name -> count
-- Zero where it is another's.
INSERT INTO storage_name (fold, key, asset_id, state, with_sidecar)
VALUES (%(fold)s, %(key)s, %(asset_id)s, 'reserved', %(with_sidecar)s)
    ON CONFLICT (fold) DO UPDATE
   SET state = 'reserved', at = now(),
       with_sidecar = storage_name.with_sidecar OR excluded.with_sidecar
 WHERE storage_name.asset_id = excluded.asset_id
   AND storage_name.key = excluded.key;

-- release_name -> count
-- The file that is there is another's.
DELETE FROM storage_name
 WHERE storage_name.key = %(key)s
   AND storage_name.asset_id = %(asset_id)s
   AND storage_name.state = 'reserved';

-- add_sidecar -> count
-- What is beside an original is its own, too.
UPDATE storage_name
   SET with_sidecar = true
 WHERE storage_name.fold = %(fold)s
   AND storage_name.asset_id = %(asset_id)s;

-- settle_name -> count
UPDATE storage_name
   SET state = 'settled', at = now()
 WHERE storage_name.key = %(key)s
   AND storage_name.asset_id = %(asset_id)s
   AND storage_name.state = 'reserved';

-- leave_names -> rows
-- All of an asset's but the one it has now.
UPDATE storage_name
   SET state = 'left', at = now()
 WHERE storage_name.asset_id = %(asset_id)s
   AND storage_name.key <> %(kept_key)s
   AND storage_name.state <> 'left'
RETURNING storage_name.key, storage_name.with_sidecar;

-- leave_stale -> rows
-- Up to a thousand that nobody has, whose removal was not asked for, or was long ago.
UPDATE storage_name
   SET state = 'left', at = now()
  FROM (
    SELECT stale.fold
      FROM storage_name AS stale
     WHERE (stale.state <> 'settled' OR stale.asset_id IS NULL)
       AND NOT EXISTS (SELECT FROM asset
                        WHERE asset.id = stale.asset_id AND asset.original_key = stale.key)
       AND stale.at < now() - CASE WHEN stale.state = 'reserved' AND stale.asset_id IS NOT NULL
                                   THEN %(patience)s::interval ELSE %(grace)s::interval END
     ORDER BY stale.at
     LIMIT 1000
       FOR UPDATE SKIP LOCKED
  ) AS chosen
 WHERE storage_name.fold = chosen.fold
RETURNING storage_name.key, storage_name.with_sidecar;

-- bar_names -> rows
-- Let nobody take those of these names that are nobody's, until commit.
INSERT INTO storage_name (fold, key, state, with_sidecar)
SELECT DISTINCT ON (asked.fold) asked.fold, asked.key, 'left', false
  FROM unnest(%(folds)s::bytea[], %(keys)s::text[]) AS asked (fold, key)
 ORDER BY asked.fold
    ON CONFLICT (fold) DO NOTHING
RETURNING storage_name.fold;

-- hold_names -> rows
-- Until commit; those whose files are to be removed, and those that somebody has, if only beside.
-- nullable: original_key
SELECT storage_name.fold, storage_name.key,
       (SELECT asset.original_key FROM asset
         WHERE asset.id = storage_name.asset_id) AS original_key,
       (storage_name.state = 'left' OR storage_name.asset_id IS NULL)
       AND NOT EXISTS (SELECT FROM asset
                        WHERE asset.id = storage_name.asset_id
                          AND asset.original_key = storage_name.key) AS is_left,
       EXISTS (SELECT FROM asset_file
                WHERE asset_file.asset_id = storage_name.asset_id
                  AND asset_file.key = storage_name.key || '.xmp') AS has_sidecar
  FROM storage_name
 WHERE storage_name.fold = ANY(%(folds)s::bytea[])
 ORDER BY storage_name.fold
   FOR UPDATE;

-- forget_names -> count
-- Their files are gone.
DELETE FROM storage_name
 WHERE storage_name.fold = ANY(%(folds)s::bytea[]);

-- move_original -> count
UPDATE asset
   SET original_key = %(key)s
 WHERE asset.id = %(asset_id)s;

-- move_sidecar -> count
UPDATE asset_file
   SET key = %(key)s
 WHERE asset_file.asset_id = %(asset_id)s
   AND asset_file.type = 'sidecar'
   AND NOT asset_file.is_edited;
