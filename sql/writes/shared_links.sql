-- insert_link -> row
-- nullable: slug, album_id, description, password, expires_at
INSERT INTO shared_link (user_id, key, slug, album_id, description, password, expires_at,
                         is_upload_allowed, is_download_allowed, is_metadata_shown)
VALUES (%(user_id)s, %(key)s, %(slug)s, %(album_id)s, %(description)s, %(password)s,
        %(expires_at)s, %(is_upload_allowed)s, %(is_download_allowed)s AND %(is_metadata_shown)s,
        %(is_metadata_shown)s)
RETURNING id;

-- lock_link -> row?
-- A user's link, held until commit.
SELECT link.id, link.album_id
  FROM shared_link AS link
 WHERE link.id = %(link_id)s
   AND link.user_id = %(user_id)s
   FOR UPDATE;

-- hold_open_link -> row?
-- A link that takes uploads now, and will until commit.
SELECT link.id, link.album_id
  FROM shared_link AS link
 WHERE link.id = %(link_id)s
   AND link.is_upload_allowed
   AND (link.expires_at IS NULL OR link.expires_at > now())
   FOR SHARE;

-- update_link -> count
-- The columns that are named in `set`; files tell what a link without metadata hides.
-- nullable: slug, description, password, expires_at, is_upload_allowed, is_download_allowed
-- nullable: is_metadata_shown
UPDATE shared_link
   SET slug = CASE WHEN 'slug' = ANY(%(set)s::text[]) THEN %(slug)s ELSE slug END,
       description = CASE WHEN 'description' = ANY(%(set)s::text[]) THEN %(description)s
                          ELSE description END,
       password = CASE WHEN 'password' = ANY(%(set)s::text[]) THEN %(password)s ELSE password END,
       expires_at = CASE WHEN 'expires_at' = ANY(%(set)s::text[]) THEN %(expires_at)s
                         ELSE expires_at END,
       is_upload_allowed = coalesce(%(is_upload_allowed)s, is_upload_allowed),
       is_download_allowed = coalesce(%(is_download_allowed)s, is_download_allowed)
                         AND coalesce(%(is_metadata_shown)s, is_metadata_shown),
       is_metadata_shown = coalesce(%(is_metadata_shown)s, is_metadata_shown)
 WHERE id = %(link_id)s;

-- delete_link -> count
DELETE FROM shared_link WHERE id = %(link_id)s;

-- insert_assets -> rows
INSERT INTO shared_link_asset (shared_link_id, asset_id)
SELECT %(link_id)s, asset.id FROM unnest(%(asset_ids)s::uuid[]) AS asset (id) ORDER BY asset.id
    ON CONFLICT DO NOTHING
RETURNING asset_id;

-- delete_assets -> rows
DELETE FROM shared_link_asset
 WHERE shared_link_id = ANY(%(link_ids)s) AND asset_id = ANY(%(asset_ids)s)
RETURNING asset_id;

-- lock_links_of -> rows
-- The links that show any of these assets, held until commit; in one order, so none can deadlock.
SELECT link.id, link.user_id
  FROM shared_link AS link
 WHERE link.id IN (SELECT linked.shared_link_id FROM shared_link_asset AS linked
                    WHERE linked.asset_id = ANY(%(asset_ids)s))
 ORDER BY link.id
   FOR UPDATE;
