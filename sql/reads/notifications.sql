-- list_notifications -> rows
-- A user's, the newest first; a filter that is null asks nothing.
-- nullable: notification_id, level, type, is_unread
SELECT notification.id, notification.type, notification.level, notification.title,
       notification.description, notification.data, notification.read_at, notification.created_at
  FROM notification
 WHERE notification.user_id = %(user_id)s
   AND (%(notification_id)s::uuid IS NULL OR notification.id = %(notification_id)s)
   AND (%(level)s::text IS NULL OR notification.level = %(level)s)
   AND (%(type)s::text IS NULL OR notification.type = %(type)s)
   AND (%(is_unread)s::boolean IS NULL OR (notification.read_at IS NULL) = %(is_unread)s)
 ORDER BY notification.created_at DESC, notification.id
 LIMIT 1000;

-- list_owned -> rows
SELECT notification.id
  FROM notification
 WHERE notification.id = ANY(%(notification_ids)s)
   AND notification.user_id = %(user_id)s;

-- get_letter -> row?
-- What an e-mail of a notification says, and to whom.
SELECT notification.type, notification.title, notification.description, notification.data,
       "user".email, "user".name, album.name AS album_name, host.name AS sender_name,
       (SELECT user_metadata.value FROM user_metadata
         WHERE user_metadata.user_id = "user".id
           AND user_metadata.key = 'preferences') AS preferences
  FROM notification
  JOIN "user" ON "user".id = notification.user_id AND "user".deleted_at IS NULL
  LEFT JOIN album ON album.id = (notification.data ->> 'albumId')::uuid
  LEFT JOIN "user" AS host ON host.id = album.owner_id
 WHERE notification.id = %(notification_id)s;

-- list_admins -> rows
SELECT "user".id FROM "user" WHERE "user".is_admin AND "user".deleted_at IS NULL;

-- has_news -> value
SELECT EXISTS (SELECT 1 FROM album_news WHERE album_news.due_at <= now()) AS is_due;

-- get_welcome -> row?
-- Whom to tell of a new account; no row when they were told, or when it is not so any more.
SELECT "user".email, "user".name, welcome.password
  FROM welcome
  JOIN "user" ON "user".id = welcome.user_id AND "user".deleted_at IS NULL
 WHERE welcome.user_id = %(user_id)s;
