-- partner -> rows
-- For both sides: the scope is either.
SELECT (SELECT row_to_json(line)::text FROM (SELECT
           partner.shared_by_id AS "sharedById", partner.shared_with_id AS "sharedWithId",
           partner.in_timeline AS "inTimeline") AS line) AS data,
       (SELECT row_to_json(line)::text FROM (SELECT
           partner.shared_by_id AS "sharedById", partner.shared_with_id AS "sharedWithId"
       ) AS line) AS gone
  FROM partner
 WHERE partner.id = touched.key
   AND touched.scope IN (partner.shared_by_id, partner.shared_with_id)

-- partner_grant -> rows
-- Whose library a user sees, and since when.
SELECT '' AS data, NULL AS gone
  FROM partner
 WHERE partner.shared_with_id = touched.scope
   AND partner.shared_by_id = touched.key
