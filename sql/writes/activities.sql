-- insert_activity -> row?
-- No row: liked already.
-- nullable: asset_id, comment
INSERT INTO activity (album_id, user_id, asset_id, comment)
VALUES (%(album_id)s, %(user_id)s, %(asset_id)s, %(comment)s)
    ON CONFLICT DO NOTHING
RETURNING id;

-- delete_activity -> count
DELETE FROM activity WHERE id = %(activity_id)s;
