-- list_libraries -> rows
-- All that are not on their way out, or one of them.
-- nullable: library_id
SELECT library.id, library.owner_id, library.name, library.import_paths,
       library.exclusion_patterns, library.created_at, library.updated_at, library.refreshed_at,
       (SELECT count(*) FROM asset
         WHERE asset.library_id = library.id AND asset.deleted_at IS NULL) AS asset_count
  FROM library
 WHERE library.deleted_at IS NULL
   AND (%(library_id)s::uuid IS NULL OR library.id = %(library_id)s)
 ORDER BY library.created_at, library.id;

-- get_statistics -> row
SELECT count(*) FILTER (WHERE asset.type = 'IMAGE') AS photos,
       count(*) FILTER (WHERE asset.type = 'VIDEO') AS videos,
       count(*) AS total,
       coalesce(sum(asset.file_bytes), 0)::bigint AS usage
  FROM asset
 WHERE asset.library_id = %(library_id)s
   AND asset.deleted_at IS NULL;

-- list_assets -> rows
-- The first of those in it, trashed ones too.
SELECT asset.id FROM asset WHERE asset.library_id = %(library_id)s ORDER BY asset.id
 LIMIT %(limit)s;

-- list_leaving -> rows
SELECT library.id, library.owner_id FROM library WHERE library.deleted_at IS NOT NULL;
