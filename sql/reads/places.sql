-- find_place -> row?
-- Where a spot is; no row in the middle of an ocean.
SELECT near.city, near.state, near.country
  FROM nearest_place(%(latitude)s, %(longitude)s) AS near;

-- search_places -> rows
-- Up to twenty places by what they are called; those most like it first, and of these the largest.
SELECT place.name, place.latitude, place.longitude, place.state, place.county
  FROM place
 WHERE place.searched LIKE '%%' || like_text(%(name)s) || '%%'
    OR place.searched %% searchable(%(name)s)
 ORDER BY place.searched <> searchable(%(name)s),
          similarity(place.searched, searchable(%(name)s)) DESC,
          place.population DESC, place.name
 LIMIT 20;

-- list_markers -> rows
-- Where the pictures were taken that a user sees on the map: their own, those of partners whom they
-- have in their timeline, and those in their albums.
-- nullable: is_favorite, taken_after, taken_before
SELECT asset.id, exif.latitude, exif.longitude, exif.city, exif.state, exif.country
  FROM (
    SELECT own.id FROM asset AS own WHERE own.owner_id = %(user_id)s
     UNION
    SELECT partners.id
      FROM partner
      JOIN asset AS partners ON partners.owner_id = partner.shared_by_id
     WHERE %(with_partners)s
       AND partner.shared_with_id = %(user_id)s
       AND partner.in_timeline
       AND partners.visibility = 'timeline'
     UNION
    SELECT album_asset.asset_id
      FROM album_user
      JOIN album_asset ON album_asset.album_id = album_user.album_id
     WHERE %(with_albums)s
       AND album_user.user_id = %(user_id)s
  ) AS seen
  JOIN asset ON asset.id = seen.id
  JOIN asset_exif AS exif ON exif.asset_id = asset.id
 WHERE exif.latitude IS NOT NULL
   AND exif.longitude IS NOT NULL
   AND asset.deleted_at IS NULL
   AND asset.visibility = ANY(%(visibilities)s)
   AND (%(is_favorite)s::boolean IS NULL
        OR (asset.is_favorite AND asset.owner_id = %(user_id)s) = %(is_favorite)s)
   AND (%(taken_after)s::timestamptz IS NULL OR asset.file_created_at >= %(taken_after)s)
   AND (%(taken_before)s::timestamptz IS NULL OR asset.file_created_at <= %(taken_before)s)
 ORDER BY asset.file_created_at DESC, asset.id;
