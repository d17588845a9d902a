-- report_originals -> count
-- Only what is still so: an asset may have gone, or have other bytes, since it was looked at.
INSERT INTO integrity_report (type, key, asset_id)
SELECT %(type)s, asset.original_key, asset.id
  FROM asset
 WHERE asset.id = ANY(%(asset_ids)s)
   AND asset.original_key = ANY(%(keys)s)
    ON CONFLICT (type, key) DO NOTHING;

-- report_files -> count
INSERT INTO integrity_report (type, key, file_id)
SELECT %(type)s, asset_file.key, asset_file.id
  FROM asset_file
 WHERE asset_file.id = ANY(%(file_ids)s)
   AND asset_file.key = ANY(%(keys)s)
    ON CONFLICT (type, key) DO NOTHING;

-- report_untracked -> count
INSERT INTO integrity_report (type, key)
SELECT 'untracked_file', found.key
  FROM unnest(%(keys)s::text[]) AS found (key)
    ON CONFLICT (type, key) DO NOTHING;

-- clear_reports -> count
-- These files are as they should be.
DELETE FROM integrity_report
 WHERE integrity_report.type = %(type)s
   AND integrity_report.key = ANY(%(keys)s);

-- clear_moved -> count
-- Reports of rows that have other files by now: those are looked at for themselves.
DELETE FROM integrity_report
 WHERE EXISTS (SELECT FROM asset
                WHERE asset.id = integrity_report.asset_id
                  AND asset.original_key <> integrity_report.key)
    OR EXISTS (SELECT FROM asset_file
                WHERE asset_file.id = integrity_report.file_id
                  AND asset_file.key <> integrity_report.key);

-- delete_report -> count
DELETE FROM integrity_report WHERE integrity_report.id = %(report_id)s;
