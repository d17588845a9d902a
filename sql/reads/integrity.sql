-- count_reports -> rows
SELECT integrity_report.type, count(*) AS reports
  FROM integrity_report
 GROUP BY integrity_report.type;

-- list_reports -> rows
SELECT integrity_report.id, integrity_report.type, integrity_report.key, integrity_report.asset_id,
       integrity_report.file_id
  FROM integrity_report
 WHERE integrity_report.type = %(type)s
   AND integrity_report.id > %(after)s
 ORDER BY integrity_report.id
 LIMIT %(limit)s;

-- get_report -> row?
-- With the key that the row has by now, where the report is of one.
-- nullable: current_key
SELECT integrity_report.id, integrity_report.type, integrity_report.key, integrity_report.asset_id,
       integrity_report.file_id, asset.owner_id,
       CASE WHEN integrity_report.asset_id IS NULL THEN asset_file.key
            ELSE asset.original_key END AS current_key
  FROM integrity_report
  LEFT JOIN asset_file ON asset_file.id = integrity_report.file_id
  LEFT JOIN asset ON asset.id = coalesce(integrity_report.asset_id, asset_file.asset_id)
 WHERE integrity_report.id = %(report_id)s;

-- has_missing -> value
-- Whether originals are reported missing.
SELECT EXISTS (SELECT FROM integrity_report
                WHERE integrity_report.type = 'missing_file'
                  AND integrity_report.asset_id IS NOT NULL) AS has_missing;

-- is_missing -> value
-- Whether an original with these bytes is.
SELECT EXISTS (SELECT FROM integrity_report
                 JOIN asset ON asset.id = integrity_report.asset_id
                WHERE integrity_report.type = 'missing_file'
                  AND asset.checksum = %(checksum)s) AS is_missing;

-- count_originals -> value
SELECT count(*) AS originals FROM asset WHERE asset.library_id IS NULL;

-- list_originals -> rows
-- A page of what was uploaded, by id.
SELECT asset.id, asset.original_key AS key, asset.checksum
  FROM asset
 WHERE asset.library_id IS NULL
   AND asset.id > %(after)s
 ORDER BY asset.id
 LIMIT %(limit)s;

-- list_files -> rows
-- A page of what else there is of assets, by id.
SELECT asset_file.id, asset_file.key
  FROM asset_file
 WHERE asset_file.id > %(after)s
 ORDER BY asset_file.id
 LIMIT %(limit)s;

-- list_tracked -> rows
-- Which of these files some row needs. The ids are those in their names, where the rows are found
-- without looking at all of them; a name without one costs that.
SELECT asset.original_key AS key
  FROM asset
 WHERE asset.original_key = ANY(%(keys)s)
   AND (asset.id = ANY(%(ids)s) OR %(is_foreign)s)
 UNION
SELECT asset_file.key
  FROM asset_file
 WHERE asset_file.key = ANY(%(keys)s)
   AND (asset_file.asset_id = ANY(%(ids)s) OR %(is_foreign)s)
 UNION
SELECT person.thumbnail_key
  FROM person
 WHERE person.thumbnail_key = ANY(%(keys)s)
   AND (person.id = ANY(%(ids)s) OR %(is_foreign)s)
 UNION
SELECT "user".profile_image_key FROM "user" WHERE "user".profile_image_key = ANY(%(keys)s);
