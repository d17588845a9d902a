-- get_links -> rows
-- A user's links, the newest first: all, one, or those of an album.
-- nullable: link_id, album_id
SELECT link.id, link.user_id, link.key, link.slug, link.album_id, link.description, link.password,
       link.expires_at, link.is_upload_allowed, link.is_download_allowed, link.is_metadata_shown,
       link.created_at, link.secret
  FROM shared_link AS link
 WHERE link.user_id = %(user_id)s
   AND (%(link_id)s::uuid IS NULL OR link.id = %(link_id)s)
   AND (%(album_id)s::uuid IS NULL OR link.album_id = %(album_id)s)
 ORDER BY link.created_at DESC, link.id;

-- list_shown -> rows
-- What links of single assets show, the oldest first; `only_first`: one of each link.
SELECT link.id AS link_id, shown.id AS asset_id
  FROM unnest(%(link_ids)s::uuid[]) AS link (id)
  JOIN LATERAL (
       SELECT asset.id, asset.file_created_at
         FROM shared_link_asset AS linked
         JOIN asset ON asset.id = linked.asset_id
        WHERE linked.shared_link_id = link.id
          AND asset.deleted_at IS NULL
          AND asset.visibility <> 'locked'
        ORDER BY asset.file_created_at, asset.id
        LIMIT CASE WHEN %(only_first)s THEN 1 END) AS shown ON true
 ORDER BY link.id, shown.file_created_at, shown.id;
