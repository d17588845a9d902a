-- get_status -> row?
SELECT "user".status FROM "user" WHERE "user".id = %(user_id)s;

-- list_removing -> rows
SELECT "user".id FROM "user" WHERE "user".status = 'removing' ORDER BY "user".id;

-- list_some_assets -> rows
-- Up to a thousand of a user's.
SELECT asset.id FROM asset WHERE asset.owner_id = %(user_id)s ORDER BY asset.id LIMIT 1000;

-- list_lent -> rows
-- Of a user's assets those that albums of others show.
SELECT DISTINCT album_asset.asset_id
  FROM album_asset
  JOIN asset ON asset.id = album_asset.asset_id
  JOIN album ON album.id = album_asset.album_id
 WHERE asset.owner_id = %(user_id)s AND album.owner_id <> %(user_id)s;
