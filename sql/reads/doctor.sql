-- list_copies -> rows
-- The devices that sync: whose, how their last stream went, and how far behind the head they are.
-- nullable: email, session_id
SELECT session.id, session.user_id, "user".email, session.device_type, session.device_os,
       session.app_version, session.updated_at, session.is_pending_sync_reset, copy.since,
       copy.streamed_at, copy.line_count, copy.byte_count, copy.seconds, copy.problem,
       complete.pos AS complete_pos,
       complete.epoch IS DISTINCT FROM log_head.epoch AS is_foreign,
       log_head.pos - complete.pos AS behind_entries,
       (SELECT extract(epoch FROM now() - missed.at)::float8
          FROM log AS missed
         WHERE missed.pos > complete.pos
         ORDER BY missed.pos
         LIMIT 1) AS behind_seconds
  FROM sync_copy AS copy
  JOIN session ON session.id = copy.session_id
  JOIN "user" ON "user".id = session.user_id
 CROSS JOIN log_head
  LEFT JOIN checkpoint AS complete ON complete.session_id = session.id
                                  AND complete.type = 'SyncCompleteV1'
 WHERE (%(email)s::text IS NULL OR "user".email = lower(%(email)s))
   AND (%(session_id)s::uuid IS NULL OR session.id = %(session_id)s)
 ORDER BY "user".email, session.updated_at DESC, session.id;

-- list_cursors -> rows
SELECT checkpoint.session_id, checkpoint.type, checkpoint.pos, checkpoint.acked_at
  FROM checkpoint
 WHERE checkpoint.session_id = ANY(%(session_ids)s)
 ORDER BY checkpoint.session_id, checkpoint.type;

-- get_note -> row?
-- How a session's last stream went, and where its cursors are now.
SELECT copy.line_count, copy.problem, copy.cursors, copy.searched, session.user_id,
       coalesce(copy.streamed_at > now() - %(young)s::interval, false) AS is_young,
       log_head.pos AS head,
       coalesce((SELECT md5(string_agg(concat_ws('.', ack.type, ack.epoch, ack.pos, ack.part,
                                                 ack.ground), ' ' ORDER BY ack.type))
                   FROM checkpoint AS ack
                  WHERE ack.session_id = copy.session_id), '') AS here
  FROM sync_copy AS copy
  JOIN session ON session.id = copy.session_id
 CROSS JOIN log_head
 WHERE copy.session_id = %(session_id)s;

-- list_unfit -> rows
-- Lines for one user that would jam an app: what they name is not there for that user, two are one
-- to the app, or it cannot read them. Without a field: nothing of it may be sent. What others share
-- of their own is looked at as theirs. What is in quarantine is not there, what is tried again is.
WITH granted AS MATERIALIZED (
    SELECT seen.kind, seen.key
      FROM state AS seen
     WHERE seen.kind IN ('album_grant', 'partner_grant')
       AND seen.scope = %(user_id)s
       AND NOT seen.is_gone
       AND NOT EXISTS (SELECT 1 FROM quarantine AS held
                        WHERE held.kind = seen.kind AND held.scope = seen.scope
                          AND held.key = seen.key)
     UNION ALL
    SELECT held.kind, held.key
      FROM quarantine AS held
     WHERE held.kind IN ('album_grant', 'partner_grant')
       AND held.scope = %(user_id)s
       AND held.is_tried
       AND held.trial IS NOT NULL
), place AS MATERIALIZED (
    SELECT own.kind, %(user_id)s::uuid AS scope, 0 AS reach, false AS is_parent
      FROM unnest(ARRAY['auth_user', 'user_metadata', 'partner', 'asset', 'asset_exif',
                        'asset_metadata', 'asset_edit', 'asset_ocr', 'asset_face', 'person',
                        'stack', 'memory', 'memory_asset']) AS own (kind)
     UNION ALL
    SELECT 'user', '00000000-0000-0000-0000-000000000000', 0, true
     UNION ALL
    SELECT shared.kind, granted.key, shared.reach, shared.is_parent
      FROM (VALUES ('album_grant', 'album', 0, false), ('album_grant', 'album_user', 0, false),
                   ('album_grant', 'album_asset', 0, false), ('album_grant', 'album_view', 0, true),
                   ('partner_grant', 'asset', 2, true)) AS shared (way, kind, reach, is_parent)
      JOIN granted ON granted.kind = shared.way
), line AS MATERIALIZED (
    SELECT place.kind, place.scope, one.key, one.home, one.reach, one.first, one.is_tried,
           checked.is_checked, CASE WHEN checked.is_checked THEN parsed(one.line) END AS data
      FROM place
     CROSS JOIN LATERAL (
        SELECT state.key, state.home, state.reach, state.first, false AS is_tried,
               CASE WHEN held.kind IS NULL THEN state.data
                    ELSE without(state.data, held.fields) END AS line
          FROM state
          LEFT JOIN quarantine AS held ON held.kind = state.kind AND held.scope = state.scope
                                      AND held.key = state.key
         WHERE state.kind = place.kind
           AND state.scope = place.scope
           AND NOT state.is_gone
           AND (held.kind IS NULL OR held.fields <> '{}' AND NOT held.is_tried)
         UNION ALL
        SELECT held.key, held.home, held.reach, NULL, true, held.trial
          FROM quarantine AS held
         WHERE held.kind = place.kind
           AND held.scope = place.scope
           AND held.is_tried
           AND held.trial IS NOT NULL
     ) AS one
     CROSS JOIN LATERAL (
        SELECT NOT place.is_parent OR one.key = %(user_id)s AS is_checked
     ) AS checked
     WHERE one.reach >= place.reach
), viewed AS MATERIALIZED (
    SELECT view.scope, view.key, asset.reach
      FROM line AS view
      LEFT JOIN LATERAL (
        SELECT state.reach
          FROM state
          LEFT JOIN quarantine AS held ON held.kind = state.kind AND held.scope = state.scope
                                      AND held.key = state.key
         WHERE state.kind = 'asset'
           AND state.scope = view.home
           AND state.key = view.key
           AND NOT state.is_gone
           AND (held.kind IS NULL OR held.fields <> '{}' AND NOT held.is_tried)
         UNION ALL
        SELECT held.reach
          FROM quarantine AS held
         WHERE held.kind = 'asset'
           AND held.scope = view.home
           AND held.key = view.key
           AND held.is_tried
           AND held.trial IS NOT NULL
      ) AS asset ON true
     WHERE view.kind = 'album_view'
), shown AS MATERIALIZED (
    SELECT concat(line.kind, line.key) AS name
      FROM line
     WHERE line.kind IN ('user', 'asset', 'person', 'stack', 'memory', 'album')
     UNION ALL
    SELECT concat('asset', viewed.key) FROM viewed WHERE viewed.reach >= 1
), needed AS MATERIALIZED (
    SELECT field.kind, field.name, field.test::jsonpath AS test, field.is_nullable
      FROM unnest(%(kinds)s::text[], %(fields)s::text[], %(tests)s::text[],
                  %(nullables)s::boolean[]) AS field (kind, name, test, is_nullable)
), whole AS MATERIALIZED (
    SELECT needed.kind, string_agg(concat('(', needed.test, ')'), ' && ')::jsonpath AS test
      FROM needed
     GROUP BY needed.kind
)
SELECT unfit.kind, unfit.scope, unfit.key, coalesce(unfit.field, '') AS field, unfit.reason,
       unfit.is_tolerable
  FROM (
SELECT bad.kind, bad.scope, bad.key,
       CASE WHEN wrong.is_nullable AND bad.data IS NOT NULL THEN wrong.name END AS field,
       concat('its ', wrong.name, ' is nothing an app can read') AS reason, false AS is_tolerable
  FROM (
    SELECT line.kind, line.scope, line.key, line.data
      FROM line
      JOIN whole ON whole.kind = line.kind
     WHERE line.is_checked
       AND (line.data @@ whole.test) IS NOT TRUE
    OFFSET 0  -- field by field only where one is wrong
  ) AS bad
  JOIN needed AS wrong ON wrong.kind = bad.kind AND (bad.data @@ wrong.test) IS NOT TRUE
 UNION ALL
SELECT line.kind, line.scope, line.key, CASE WHEN named.is_nullable THEN named.field END,
       concat('its ', named.field, ' ', line.data ->> named.field, ' is not there'),
       named.parent = 'stack'  -- no key of the app, but it hides the asset
  FROM line
  JOIN (VALUES ('asset', 'ownerId', 'user', false), ('asset', 'stackId', 'stack', false),
               ('asset_exif', 'assetId', 'asset', false),
               ('asset_metadata', 'assetId', 'asset', false),
               ('asset_edit', 'assetId', 'asset', false),
               ('asset_ocr', 'assetId', 'asset', false),
               ('asset_face', 'assetId', 'asset', false),
               ('asset_face', 'personId', 'person', true),
               ('person', 'ownerId', 'user', false), ('stack', 'ownerId', 'user', false),
               ('stack', 'primaryAssetId', 'asset', false),
               ('memory', 'ownerId', 'user', false),
               ('memory_asset', 'memoryId', 'memory', false),
               ('memory_asset', 'assetId', 'asset', false),
               ('user_metadata', 'userId', 'user', false),
               ('partner', 'sharedById', 'user', false),
               ('partner', 'sharedWithId', 'user', false),
               ('album', 'thumbnailAssetId', 'asset', true),
               ('album_user', 'userId', 'user', false),
               ('album_asset', 'assetId', 'asset', false))
       AS named (kind, field, parent, is_nullable) ON named.kind = line.kind
 WHERE line.data ->> named.field IS NOT NULL
   AND concat(named.parent, line.data ->> named.field) NOT IN (SELECT shown.name FROM shown)
 UNION ALL
SELECT 'asset', twin.scope, twin.key, NULL, 'an older asset has the same bytes', false
  FROM (
    SELECT line.scope, line.key,
           row_number() OVER (PARTITION BY line.data ->> 'checksum', line.data ->> 'libraryId'
                                  ORDER BY line.is_tried, line.first, line.key) AS number
      FROM line
     WHERE line.kind = 'asset' AND line.is_checked
  ) AS twin
 WHERE twin.number > 1
 UNION ALL
SELECT 'asset_exif', exif.scope, exif.key, NULL, 'more people see it than its asset', false
  FROM line AS exif
 WHERE exif.kind = 'asset_exif'
   AND exif.reach > (SELECT state.reach
                       FROM state
                      WHERE state.kind = 'asset' AND state.scope = exif.scope
                        AND state.key = exif.key AND NOT state.is_gone)
 UNION ALL
SELECT 'album_view', viewed.scope, viewed.key, NULL, 'its asset is not there', false
  FROM viewed
 WHERE viewed.reach IS NULL
 UNION ALL
SELECT 'album_grant', %(user_id)s, granted.key, NULL, 'its album is not there', false
  FROM granted
 WHERE granted.kind = 'album_grant'
   AND concat('album', granted.key) NOT IN (SELECT shown.name FROM shown)
  ) AS unfit
 ORDER BY unfit.kind, unfit.scope, unfit.key, unfit.is_tolerable, unfit.field;

-- list_concerned -> rows
-- Whose lines may name what is in these scopes, or these assets.
SELECT "user".id
  FROM "user"
 WHERE "user".id = ANY(%(scopes)s)
    OR '00000000-0000-0000-0000-000000000000' = ANY(%(scopes)s)
 UNION
SELECT album.owner_id FROM album WHERE album.id = ANY(%(scopes)s)
 UNION
SELECT member.user_id FROM album_user AS member WHERE member.album_id = ANY(%(album_ids)s)
 UNION
SELECT album.owner_id
  FROM state AS view
  JOIN album ON album.id = view.scope
 WHERE view.kind = 'album_view'
   AND view.key = ANY(%(asset_ids)s)
   AND NOT view.is_gone
 ORDER BY 1;

-- list_seen -> rows
-- A user, and all whose assets that user sees.
SELECT %(user_id)s::uuid AS id
 UNION
SELECT seen.key
  FROM state AS seen
 WHERE seen.kind = 'partner_grant' AND seen.scope = %(user_id)s AND NOT seen.is_gone
 UNION
SELECT view.home
  FROM state AS seen
  JOIN state AS view ON view.kind = 'album_view' AND view.scope = seen.key AND NOT view.is_gone
 WHERE seen.kind = 'album_grant' AND seen.scope = %(user_id)s AND NOT seen.is_gone
 ORDER BY id;

-- list_held -> rows
-- What is in quarantine of all that a user would see.
SELECT held.kind, held.scope, held.key, held.fields, held.reason, held.noticed_at
  FROM quarantine AS held
 WHERE held.scope IN (%(user_id)s, '00000000-0000-0000-0000-000000000000')
    OR held.scope IN (SELECT seen.key
                        FROM state AS seen
                       WHERE seen.kind IN ('album_grant', 'partner_grant')
                         AND seen.scope = %(user_id)s
                         AND NOT seen.is_gone)
 ORDER BY held.noticed_at, held.kind, held.scope, held.key;

-- list_quarantined -> rows
-- All that is in quarantine.
SELECT held.kind, held.scope, held.key FROM quarantine AS held ORDER BY held.kind, held.scope;

-- list_user_ids -> rows
-- Everybody, also who is deleted.
SELECT "user".id FROM "user" ORDER BY "user".id;

-- digest_kinds -> rows
-- What a copy that is complete up to a position holds of each request: how many, and their digests
-- xored. What came and went after that position is as it was then. Of album_view: other people's
-- assets, each once, by way of their owners' own lines.
SELECT entity.request, count(*) AS count,
       concat(lpad(to_hex(bit_xor(
                  cast(concat('x', substr(entity.digest, 1, 16)) AS bit(64))::bigint)), 16, '0'),
              lpad(to_hex(bit_xor(
                  cast(concat('x', substr(entity.digest, 17)) AS bit(64))::bigint)), 16, '0')
             ) AS digest
  FROM (
    SELECT wanted.request,
           CASE WHEN state.kind IN ('user_metadata', 'asset_metadata', 'memory_asset', 'partner')
                THEN replace(state.key::text, '-', '')
                WHEN state.kind IN ('album_user', 'album_asset')
                THEN md5(concat(state.scope, state.key))
                ELSE md5(state.key::text) END AS digest
      FROM unnest(%(requests)s::text[], %(kinds)s::text[], %(scopes)s::uuid[],
                  %(reaches)s::integer[]) AS wanted (request, kind, scope, reach)
      JOIN state ON state.kind = wanted.kind
                AND state.scope = wanted.scope
                AND state.since <= %(pos)s
                AND (NOT state.is_gone OR state.pos > %(pos)s)
                AND CASE WHEN state.is_gone THEN state.reached ELSE state.reach END >= wanted.reach
     UNION ALL
    SELECT DISTINCT shown.request, md5(view.key::text)
      FROM unnest(%(albums)s::uuid[]) AS album (id)
      JOIN state AS view ON view.kind = 'album_view'
                        AND view.scope = album.id
                        AND view.since <= %(pos)s
                        AND (NOT view.is_gone OR view.pos > %(pos)s)
                        AND view.home <> %(user_id)s
     CROSS JOIN (VALUES ('AlbumAssetsV2', 'asset'), ('AlbumAssetExifsV1', 'asset_exif'))
                AS shown (request, kind)
      JOIN state ON state.kind = shown.kind
                AND state.scope = view.home
                AND state.key = view.key
                AND state.since <= %(pos)s
                AND (NOT state.is_gone OR state.pos > %(pos)s)
                AND CASE WHEN state.is_gone THEN state.reached ELSE state.reach END >= 1
  ) AS entity
 GROUP BY entity.request
 ORDER BY entity.request;
