-- list_timeline_partners -> rows
-- Who shows a user their timeline, in the user's own.
SELECT partner.shared_by_id
  FROM partner
  JOIN "user" ON "user".id = partner.shared_by_id AND "user".deleted_at IS NULL
 WHERE partner.shared_with_id = %(user_id)s
   AND partner.in_timeline
 ORDER BY partner.shared_by_id;

-- find_people -> rows
-- A user's people by a name, or nearly; who has it best first.
SELECT person.id, person.name, person.birth_date, person.thumbnail_key, person.is_hidden,
       person.is_favorite, person.color, person.updated_at
  FROM person
 WHERE person.owner_id = %(owner_id)s
   AND person.name <> ''
   AND (%(with_hidden)s OR NOT person.is_hidden)
   AND (searchable(person.name) LIKE '%%' || like_text(%(name)s) || '%%'
        OR word_similarity(searchable(%(name)s), searchable(person.name)) >= 0.6)
 ORDER BY strict_word_similarity(searchable(%(name)s), searchable(person.name)) DESC,
          person.name, person.id
 LIMIT 100;

-- list_cities -> rows
-- The newest photo of each city in the timelines of some users.
SELECT DISTINCT ON (exif.city) asset.id
  FROM asset
  JOIN asset_exif AS exif ON exif.asset_id = asset.id AND exif.city <> ''
 WHERE asset.owner_id = ANY(%(owner_ids)s)
   AND asset.type = 'IMAGE'
   AND asset.visibility = 'timeline'
   AND asset.deleted_at IS NULL
 ORDER BY exif.city, asset.file_created_at DESC, asset.id DESC;

-- list_main_cities -> rows
-- The cities a user took most photos in, with the newest of each.
SELECT main.city, newest.id AS asset_id
  FROM (
    SELECT exif.city, count(*) AS photos
      FROM asset
      JOIN asset_exif AS exif ON exif.asset_id = asset.id AND exif.city <> ''
     WHERE asset.owner_id = %(owner_id)s
       AND asset.type = 'IMAGE'
       AND asset.visibility = 'timeline'
       AND asset.deleted_at IS NULL
     GROUP BY exif.city
    HAVING count(*) >= 5
     ORDER BY count(*) DESC, exif.city
     LIMIT 12) AS main
 CROSS JOIN LATERAL (
    SELECT asset.id
      FROM asset
      JOIN asset_exif AS exif ON exif.asset_id = asset.id AND exif.city = main.city
     WHERE asset.owner_id = %(owner_id)s
       AND asset.type = 'IMAGE'
       AND asset.visibility = 'timeline'
       AND asset.deleted_at IS NULL
     ORDER BY asset.file_created_at DESC, asset.id DESC
     LIMIT 1) AS newest
 ORDER BY main.photos DESC, main.city;

-- list_newcomers -> rows
-- The photos that came last into a user's timeline.
SELECT asset.id
  FROM asset
 WHERE asset.owner_id = %(owner_id)s
   AND asset.type = 'IMAGE'
   AND asset.visibility = 'timeline'
   AND asset.deleted_at IS NULL
 ORDER BY asset.created_at DESC, asset.id
 LIMIT 12;
