-- insert_album -> row
INSERT INTO album (owner_id, name, description, "order")
VALUES (%(owner_id)s, %(name)s, %(description)s, %(order)s)
RETURNING id;

-- lock_album -> row?
-- Held until commit, so that its members and links cannot change under the operation.
SELECT album.id, album.owner_id, album.thumbnail_asset_id, album.is_activity_enabled,
       album.name
  FROM album
 WHERE album.id = %(album_id)s
   FOR UPDATE;

-- update_album -> count
-- Null keeps what is there.
-- nullable: name, description, thumbnail_asset_id, is_activity_enabled, order
UPDATE album
   SET name = coalesce(%(name)s, name),
       description = coalesce(%(description)s, description),
       thumbnail_asset_id = coalesce(%(thumbnail_asset_id)s, thumbnail_asset_id),
       is_activity_enabled = coalesce(%(is_activity_enabled)s, is_activity_enabled),
       "order" = coalesce(%(order)s, "order"),
       updated_at = now()
 WHERE id = %(album_id)s;

-- touch_album -> count
-- It has a cover as long as it has assets.
UPDATE album
   SET thumbnail_asset_id = CASE
           WHEN EXISTS (SELECT 1 FROM album_asset
                         WHERE album_asset.album_id = album.id
                           AND album_asset.asset_id = album.thumbnail_asset_id)
           THEN thumbnail_asset_id
           ELSE (SELECT album_asset.asset_id FROM album_asset
                  WHERE album_asset.album_id = album.id
                  ORDER BY album_asset.created_at DESC, album_asset.asset_id LIMIT 1) END,
       updated_at = now()
 WHERE id = %(album_id)s;

-- insert_members -> rows
INSERT INTO album_user (album_id, user_id, role)
SELECT %(album_id)s, "user".id, %(role)s
  FROM "user"
 WHERE "user".id = ANY(%(user_ids)s)
   AND "user".deleted_at IS NULL
 ORDER BY "user".id
    ON CONFLICT DO NOTHING
RETURNING user_id;

-- set_role -> count
UPDATE album_user
   SET role = %(role)s
 WHERE album_id = %(album_id)s AND user_id = %(user_id)s AND role <> 'owner';

-- delete_members -> rows
DELETE FROM album_user
 WHERE album_id = %(album_id)s AND user_id = ANY(%(user_ids)s)
RETURNING user_id;

-- insert_links -> rows
INSERT INTO album_asset (album_id, asset_id)
SELECT %(album_id)s, asset.id FROM unnest(%(asset_ids)s::uuid[]) AS asset (id) ORDER BY asset.id
    ON CONFLICT DO NOTHING
RETURNING asset_id;

-- delete_links -> rows
DELETE FROM album_asset
 WHERE album_id = %(album_id)s AND asset_id = ANY(%(asset_ids)s)
RETURNING asset_id;

-- lock_albums_of -> rows
-- The albums that show any of these assets, held until commit; in one order, so none can deadlock.
SELECT album.id
  FROM album
 WHERE album.id IN (SELECT album_asset.album_id FROM album_asset
                     WHERE album_asset.asset_id = ANY(%(asset_ids)s))
 ORDER BY album.id
   FOR UPDATE;

-- delete_album -> count
DELETE FROM album WHERE id = %(album_id)s;
