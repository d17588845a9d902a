-- hold -> rows
-- Rows of one kind and scope that may not be sent, or not with these fields. Given back is what
-- that changes: not what was tried again and is as it was.
WITH found AS (
    SELECT one.key, string_to_array(one.fields, ' ') AS fields, one.reason
      FROM unnest(%(keys)s::uuid[], %(fields)s::text[], %(reasons)s::text[])
           AS one (key, fields, reason)
), kept AS (
    UPDATE quarantine AS held
       SET is_tried = false, reason = found.reason
      FROM found
     WHERE held.kind = %(kind)s AND held.scope = %(scope)s AND held.key = found.key
       AND held.is_tried AND held.fields = found.fields
    RETURNING held.key
)
INSERT INTO quarantine AS held (kind, scope, key, fields, reason)
SELECT %(kind)s, %(scope)s, found.key, found.fields, found.reason
  FROM found
 WHERE found.key NOT IN (SELECT kept.key FROM kept)
 ORDER BY found.key
    ON CONFLICT (kind, scope, key) DO UPDATE
   SET is_tried = false, reason = excluded.reason,
       fields = CASE WHEN held.is_tried OR excluded.fields = '{}' THEN excluded.fields
                     ELSE held.fields || excluded.fields END
RETURNING held.key;

-- release -> rows
-- What was tried again and found fit, or is no more.
DELETE FROM quarantine AS held
 WHERE held.is_tried
RETURNING held.kind, held.scope, held.key;
