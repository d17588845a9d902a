-- list_seen -> rows
-- Those of the assets that a user may look at: their own, a partner's, and those in their albums,
-- each with the video part of what moves. What a partner does not see of that has no part either.
SELECT asset.id
  FROM asset
 WHERE asset.id = ANY(ARRAY(SELECT unnest(%(asset_ids)s::uuid[])))
   AND CASE
       WHEN asset.owner_id = %(user_id)s
       THEN asset.visibility <> 'locked' OR %(is_elevated)s
       ELSE asset.deleted_at IS NULL AND asset.visibility <> 'locked'
        AND (EXISTS (SELECT 1 FROM partner
                      WHERE partner.shared_by_id = asset.owner_id
                        AND partner.shared_with_id = %(user_id)s
                        AND (asset.visibility = 'timeline'
                             OR asset.visibility = 'hidden'
                            AND (SELECT coalesce(bool_or(still.visibility = 'timeline'
                                                         AND still.deleted_at IS NULL), true)
                                   FROM asset AS still
                                  WHERE still.live_photo_video_id = asset.id)))
          OR EXISTS (SELECT 1 FROM album_asset
                       JOIN album_user ON album_user.album_id = album_asset.album_id
                      WHERE album_user.user_id = %(user_id)s
                        AND album_asset.asset_id IN (
                            SELECT asset.id UNION ALL
                            SELECT still.id FROM asset AS still
                             WHERE still.live_photo_video_id = asset.id
                               AND still.deleted_at IS NULL)))
       END;

-- list_shareable -> rows
-- Those of the assets that a user may show to others: their own and a partner's, nothing locked.
SELECT asset.id
  FROM asset
 WHERE asset.id = ANY(%(asset_ids)s)
   AND asset.visibility <> 'locked'
   AND (asset.owner_id = %(user_id)s
        OR asset.deleted_at IS NULL
       AND (asset.visibility = 'timeline'
            OR asset.visibility = 'hidden'
           AND (SELECT coalesce(bool_or(still.visibility = 'timeline'
                                        AND still.deleted_at IS NULL), true)
                  FROM asset AS still
                 WHERE still.live_photo_video_id = asset.id))
       AND EXISTS (SELECT 1 FROM partner
                    WHERE partner.shared_by_id = asset.owner_id
                      AND partner.shared_with_id = %(user_id)s));

-- list_linked -> rows
-- Those of the assets that a link shows, with the video part of what moves.
SELECT asset.id
  FROM asset
 WHERE asset.id = ANY(%(asset_ids)s)
   AND asset.deleted_at IS NULL
   AND asset.visibility <> 'locked'
   AND EXISTS (
       SELECT 1
         FROM (SELECT asset.id UNION ALL
               SELECT still.id FROM asset AS still
                WHERE still.live_photo_video_id = asset.id
                  AND still.deleted_at IS NULL) AS shown
        WHERE EXISTS (SELECT 1 FROM shared_link_asset AS linked
                       WHERE linked.shared_link_id = %(link_id)s
                         AND linked.asset_id = shown.id)
           OR EXISTS (SELECT 1 FROM shared_link AS link
                        JOIN album_asset ON album_asset.album_id = link.album_id
                       WHERE link.id = %(link_id)s
                         AND album_asset.asset_id = shown.id));

-- list_roles -> rows
-- What a user is in some albums; no row for a stranger.
SELECT album_user.album_id, album_user.role
  FROM album_user
 WHERE album_user.album_id = ANY(%(album_ids)s)
   AND album_user.user_id = %(user_id)s;

-- find_link -> row?
-- A link by its key's hash or by its slug, if it is still good.
-- nullable: key_hash, slug
SELECT link.id, link.user_id, link.album_id, link.password, link.secret, link.is_upload_allowed,
       link.is_download_allowed, link.is_metadata_shown
  FROM shared_link AS link
  JOIN "user" ON "user".id = link.user_id AND "user".deleted_at IS NULL
 WHERE (sha256(link.key) = %(key_hash)s OR link.slug = %(slug)s)
   AND (link.expires_at IS NULL OR link.expires_at > now());
