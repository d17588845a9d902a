-- insert_library -> none
INSERT INTO library (id, owner_id, name, import_paths, exclusion_patterns)
VALUES (%(library_id)s, %(owner_id)s, %(name)s, %(import_paths)s, %(exclusion_patterns)s);

-- update_library -> row?
-- nullable: name, import_paths, exclusion_patterns
UPDATE library
   SET name               = coalesce(%(name)s, name),
       import_paths       = coalesce(%(import_paths)s, import_paths),
       exclusion_patterns = coalesce(%(exclusion_patterns)s, exclusion_patterns),
       updated_at         = now()
 WHERE library.id = %(library_id)s AND library.deleted_at IS NULL
RETURNING library.owner_id;

-- retire_library -> row?
-- Nobody sees it any more, while its assets are taken out.
UPDATE library SET deleted_at = now()
 WHERE library.id = %(library_id)s AND library.deleted_at IS NULL
RETURNING library.owner_id;

-- delete_library -> count
-- Once it is empty.
DELETE FROM library
 WHERE library.id = %(library_id)s
   AND NOT EXISTS (SELECT FROM asset WHERE asset.library_id = library.id);
