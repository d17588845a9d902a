-- insert_notification -> row
-- nullable: description, data, read_at
INSERT INTO notification (user_id, type, level, title, description, data, read_at)
VALUES (%(user_id)s, %(type)s, %(level)s, %(title)s, %(description)s, %(data)s::jsonb, %(read_at)s)
RETURNING id, iso(created_at) AS created_at;

-- set_read -> count
-- nullable: read_at
UPDATE notification SET read_at = %(read_at)s WHERE id = ANY(%(notification_ids)s);

-- delete_notifications -> count
DELETE FROM notification WHERE id = ANY(%(notification_ids)s);

-- delete_old -> count
-- Read ones are kept for a month, all others for three.
DELETE FROM notification
 WHERE read_at < now() - interval '30 days'
    OR created_at < now() - interval '90 days';

-- note_news -> none
-- The members of an album but one have news of it, after a pause that begins anew.
INSERT INTO album_news (album_id, user_id, due_at)
SELECT album_user.album_id, album_user.user_id, now() + %(pause)s
  FROM album_user
 WHERE album_user.album_id = %(album_id)s
   AND album_user.user_id <> %(actor_id)s
 ORDER BY album_user.user_id
    ON CONFLICT (album_id, user_id) DO UPDATE SET due_at = excluded.due_at;

-- take_news -> rows
-- What is due, of albums that the users are still in.
WITH due AS (
    DELETE FROM album_news
     WHERE (album_id, user_id) IN (
           SELECT news.album_id, news.user_id
             FROM album_news AS news
            WHERE news.due_at <= now()
            ORDER BY news.due_at
            LIMIT 1000
              FOR UPDATE SKIP LOCKED)
 RETURNING album_id, user_id
)
SELECT due.album_id, due.user_id, album.name
  FROM due
  JOIN album ON album.id = due.album_id
  JOIN album_user ON album_user.album_id = due.album_id
                 AND album_user.user_id = due.user_id;

-- insert_welcome -> none
INSERT INTO welcome (user_id, password) VALUES (%(user_id)s, %(password)s);

-- delete_welcome -> count
DELETE FROM welcome WHERE user_id = %(user_id)s;

-- delete_old_welcomes -> count
-- Of those that could not be sent.
DELETE FROM welcome WHERE created_at < now() - %(age)s::interval;
