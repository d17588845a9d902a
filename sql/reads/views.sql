-- list_folders -> rows
-- Where a user's files lie.
SELECT DISTINCT folder_of(asset.original_key) AS folder
  FROM asset
 WHERE asset.owner_id = %(owner_id)s
   AND asset.visibility = 'timeline'
   AND asset.deleted_at IS NULL
 ORDER BY 1;

-- list_folder -> rows
-- What lies in a folder itself, by name.
SELECT asset.id
  FROM asset
 WHERE asset.owner_id = %(owner_id)s
   AND asset.visibility = 'timeline'
   AND asset.deleted_at IS NULL
   AND folder_of(asset.original_key) = %(folder)s
 ORDER BY substring(asset.original_key FROM '[^/]*$'), asset.id;
