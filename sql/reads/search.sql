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
-- The newest photo of each city in the timelines of some users: from one city to the next.
WITH RECURSIVE step AS (
    SELECT owner.id AS owner_id, ''::text AS city, NULL::uuid AS id,
           NULL::timestamptz AS file_created_at
      FROM unnest(%(owner_ids)s::uuid[]) AS owner (id)
     UNION ALL
    SELECT step.owner_id, next.city, next.id, next.file_created_at
      FROM step
     CROSS JOIN LATERAL (
        SELECT asset.city, asset.id, asset.file_created_at
          FROM asset
         WHERE asset.owner_id = step.owner_id
           AND asset.city > step.city
           AND asset.city <> ''
           AND asset.type = 'IMAGE'
           AND asset.visibility = 'timeline'
           AND asset.deleted_at IS NULL
         ORDER BY asset.city, asset.file_created_at DESC, asset.id DESC
         LIMIT 1) AS next
)
SELECT DISTINCT ON (step.city) step.id
  FROM step
 WHERE step.id IS NOT NULL
 ORDER BY step.city, step.file_created_at DESC, step.id DESC;

-- list_main_cities -> rows
-- The cities a user took most photos in, with the newest of each.
SELECT main.city AS value, newest.id
  FROM (
    SELECT asset.city, count(*) AS photos
      FROM asset
     WHERE asset.owner_id = %(owner_id)s
       AND asset.city <> ''
       AND asset.type = 'IMAGE'
       AND asset.visibility = 'timeline'
       AND asset.deleted_at IS NULL
     GROUP BY asset.city
    HAVING count(*) >= 5
     ORDER BY count(*) DESC, asset.city
     LIMIT 12) AS main
 CROSS JOIN LATERAL (
    SELECT asset.id
      FROM asset
     WHERE asset.owner_id = %(owner_id)s
       AND asset.city = main.city
       AND asset.city <> ''
       AND asset.type = 'IMAGE'
       AND asset.visibility = 'timeline'
       AND asset.deleted_at IS NULL
     ORDER BY asset.file_created_at DESC, asset.id DESC
     LIMIT 1) AS newest
 ORDER BY main.photos DESC, main.city;

-- list_newcomers -> rows
-- The photos that came last into a user's timeline, and when.
SELECT asset.id, iso(asset.created_at) AS value
  FROM asset
 WHERE asset.owner_id = %(owner_id)s
   AND asset.type = 'IMAGE'
   AND asset.visibility = 'timeline'
   AND asset.deleted_at IS NULL
 ORDER BY asset.created_at DESC
 LIMIT 12;
