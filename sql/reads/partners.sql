-- list_partners -> rows
-- Both those who share with a user and those the user shares with.
SELECT partner.shared_by_id, partner.shared_with_id, partner.in_timeline
  FROM partner
 WHERE partner.shared_by_id = %(user_id)s
    OR partner.shared_with_id = %(user_id)s
 ORDER BY partner.shared_by_id, partner.shared_with_id;
