-- list_requests -> rows
-- Who was asked to join a group, or which groups somebody was asked to join; the oldest first.
-- nullable: user_id, cluster_group_id
SELECT request.id, request.cluster_group_id, request.user_id, request.created_at
  FROM cluster_group_request AS request
 WHERE (request.user_id = %(user_id)s OR request.cluster_group_id = %(cluster_group_id)s)
 ORDER BY request.created_at, request.id;

-- find_request -> row?
SELECT request.id, request.cluster_group_id, request.user_id, request.created_at
  FROM cluster_group_request AS request
 WHERE request.cluster_group_id = %(cluster_group_id)s AND request.user_id = %(user_id)s;

-- list_members -> rows
-- Who shares people, oneself first, the others by name.
SELECT "user".id, "user".name, "user".email, "user".avatar_color, "user".profile_image_key,
       "user".profile_changed_at
  FROM "user"
 WHERE "user".cluster_group_id = %(cluster_group_id)s AND "user".deleted_at IS NULL
 ORDER BY "user".id = %(user_id)s DESC, "user".name, "user".id;

-- has_others -> value
SELECT EXISTS (SELECT 1
                 FROM "user"
                WHERE "user".cluster_group_id = %(cluster_group_id)s
                  AND "user".id <> %(user_id)s
                  AND "user".deleted_at IS NULL) AS has_others;

-- get_role -> row
-- Whether a user is in a group, and whether they were asked to be.
SELECT EXISTS (SELECT 1 FROM "user"
                WHERE "user".id = %(user_id)s
                  AND "user".cluster_group_id = %(cluster_group_id)s) AS is_member,
       EXISTS (SELECT 1 FROM cluster_group_request AS request
                WHERE request.user_id = %(user_id)s
                  AND request.cluster_group_id = %(cluster_group_id)s) AS is_asked;
