-- insert_partner -> row?
INSERT INTO partner (shared_by_id, shared_with_id)
VALUES (%(shared_by_id)s, %(shared_with_id)s)
    ON CONFLICT DO NOTHING
RETURNING id;

-- set_in_timeline -> row?
UPDATE partner
   SET in_timeline = %(in_timeline)s
 WHERE shared_by_id = %(shared_by_id)s AND shared_with_id = %(shared_with_id)s
RETURNING id;

-- delete_partner -> row?
DELETE FROM partner
 WHERE shared_by_id = %(shared_by_id)s AND shared_with_id = %(shared_with_id)s
RETURNING id;
