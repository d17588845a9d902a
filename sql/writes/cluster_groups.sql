-- insert_request -> row?
-- No row when they were asked before.
INSERT INTO cluster_group_request (cluster_group_id, user_id)
VALUES (%(cluster_group_id)s, %(user_id)s)
    ON CONFLICT (cluster_group_id, user_id) DO NOTHING
RETURNING id, cluster_group_id, user_id, created_at;

-- delete_request -> row?
-- By who was asked; or, where that may be, by anybody in the group.
DELETE FROM cluster_group_request AS request
 WHERE request.id = %(request_id)s
   AND (request.user_id = %(user_id)s
        OR %(by_members)s AND request.cluster_group_id = (
           SELECT "user".cluster_group_id FROM "user" WHERE "user".id = %(user_id)s))
RETURNING request.cluster_group_id, request.user_id;

-- move_user -> count
UPDATE "user"
   SET cluster_group_id = %(cluster_group_id)s, updated_at = now()
 WHERE id = %(user_id)s;

-- drop_requests -> rows
-- Of a group that nobody is in.
DELETE FROM cluster_group_request AS request
 WHERE request.cluster_group_id = %(cluster_group_id)s
   AND NOT EXISTS (SELECT 1 FROM "user"
                    WHERE "user".cluster_group_id = request.cluster_group_id)
RETURNING request.id, request.user_id;
