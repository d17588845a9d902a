-- mark_gone -> count
-- Zero when they are deleted already.
UPDATE "user"
   SET status = %(status)s, deleted_at = now(), updated_at = now()
 WHERE id = %(user_id)s AND deleted_at IS NULL;

-- mark_back -> count
-- Zero when nobody can come back under this id.
UPDATE "user"
   SET status = 'active', deleted_at = NULL, updated_at = now()
 WHERE id = %(user_id)s AND status = 'deleted';

-- mark_removing -> rows
-- Whoever was deleted so long ago: from now on they cannot come back.
UPDATE "user"
   SET status = 'removing', updated_at = now()
 WHERE status = 'deleted' AND deleted_at < now() - %(delay)s::interval
RETURNING id;

-- lock_albums_around -> rows
-- A user's albums, those they are in, and those that show something of theirs; in one order.
SELECT album.id, album.owner_id
  FROM album
 WHERE album.id IN (SELECT album_user.album_id FROM album_user
                     WHERE album_user.user_id = %(user_id)s
                     UNION
                    SELECT album_asset.album_id FROM album_asset
                      JOIN asset ON asset.id = album_asset.asset_id
                     WHERE asset.owner_id = %(user_id)s)
 ORDER BY album.id
   FOR UPDATE;

-- set_aside_members -> rows
-- Who leaves an album when this user does: they themself, or everybody else in their own.
INSERT INTO set_aside_member (album_id, user_id, role, gone_id)
SELECT album_user.album_id, album_user.user_id, album_user.role, %(user_id)s
  FROM album_user
  JOIN album ON album.id = album_user.album_id
 WHERE album_user.album_id = %(album_id)s
   AND album_user.role <> 'owner'
   AND (album.owner_id = %(user_id)s OR album_user.user_id = %(user_id)s)
    ON CONFLICT (album_id, user_id) DO UPDATE SET role = excluded.role, gone_id = excluded.gone_id
RETURNING user_id;

-- set_aside_links -> rows
-- What is shown of a user's in an album of somebody else.
INSERT INTO set_aside_link (album_id, asset_id, gone_id)
SELECT album_asset.album_id, album_asset.asset_id, %(user_id)s
  FROM album_asset
  JOIN asset ON asset.id = album_asset.asset_id
 WHERE album_asset.album_id = %(album_id)s AND asset.owner_id = %(user_id)s
    ON CONFLICT (album_id, asset_id) DO UPDATE SET gone_id = excluded.gone_id
RETURNING asset_id;

-- set_aside_partner -> none
INSERT INTO set_aside_partner (shared_by_id, shared_with_id, in_timeline, gone_id)
SELECT partner.shared_by_id, partner.shared_with_id, partner.in_timeline, %(user_id)s
  FROM partner
 WHERE partner.shared_by_id = %(shared_by_id)s AND partner.shared_with_id = %(shared_with_id)s
    ON CONFLICT (shared_by_id, shared_with_id)
    DO UPDATE SET in_timeline = excluded.in_timeline, gone_id = excluded.gone_id;

-- hand_over_members -> count
-- What comes back only when somebody else who is gone does.
UPDATE set_aside_member AS aside
   SET gone_id = other.id
  FROM album, "user" AS other
 WHERE aside.gone_id = %(user_id)s
   AND album.id = aside.album_id
   AND other.id = CASE WHEN album.owner_id = %(user_id)s THEN aside.user_id
                       ELSE album.owner_id END
   AND other.deleted_at IS NOT NULL;

-- hand_over_links -> count
UPDATE set_aside_link AS aside
   SET gone_id = other.id
  FROM album, "user" AS other
 WHERE aside.gone_id = %(user_id)s
   AND album.id = aside.album_id
   AND other.id = album.owner_id
   AND other.deleted_at IS NOT NULL;

-- hand_over_partners -> count
UPDATE set_aside_partner AS aside
   SET gone_id = other.id
  FROM "user" AS other
 WHERE aside.gone_id = %(user_id)s
   AND other.id IN (aside.shared_by_id, aside.shared_with_id)
   AND other.id <> %(user_id)s
   AND other.deleted_at IS NOT NULL;

-- take_members -> rows
DELETE FROM set_aside_member WHERE gone_id = %(user_id)s RETURNING album_id, user_id, role;

-- take_links -> rows
DELETE FROM set_aside_link WHERE gone_id = %(user_id)s RETURNING album_id, asset_id;

-- take_partners -> rows
DELETE FROM set_aside_partner
 WHERE gone_id = %(user_id)s
RETURNING shared_by_id, shared_with_id, in_timeline;
