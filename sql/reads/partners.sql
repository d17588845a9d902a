-- list_partners -> rows
-- Both those who share with a user and those the user shares with.
SELECT partner.shared_by_id, partner.shared_with_id, partner.in_timeline
  FROM partner
 WHERE partner.shared_by_id = %(user_id)s
    OR partner.shared_with_id = %(user_id)s
 ORDER BY partner.shared_by_id, partner.shared_with_id;

-- list_sides -> rows
-- Who is on the other side of what a user shares, or is shown.
SELECT "user".id, "user".name, "user".email, "user".avatar_color, "user".profile_image_key,
       "user".profile_changed_at, partner.in_timeline
  FROM partner
  JOIN "user" ON "user".deleted_at IS NULL
   AND "user".id = CASE WHEN %(is_shared_by)s THEN partner.shared_with_id
                        ELSE partner.shared_by_id END
 WHERE CASE WHEN %(is_shared_by)s THEN partner.shared_by_id ELSE partner.shared_with_id END
       = %(user_id)s
 ORDER BY "user".name, "user".id;
