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

-- list_unfit -> rows
-- Lines for one user that an app could not apply: what they name is not there for that user, two
-- are one to the app, or they are no line at all. Such a row jams a phone.
WITH line AS MATERIALIZED (
    SELECT state.kind, state.scope, state.key,
           CASE WHEN pg_input_is_valid(state.data, 'jsonb') THEN state.data::jsonb END AS data
      FROM state
     WHERE NOT state.is_gone
       AND (state.scope = %(user_id)s
             AND state.kind IN ('auth_user', 'user_metadata', 'partner', 'asset', 'asset_exif',
                                'asset_metadata', 'asset_edit', 'asset_ocr', 'asset_face',
                                'person', 'stack', 'memory', 'memory_asset')
            OR state.kind = 'user'
            OR state.kind IN ('album', 'album_user', 'album_asset')
             AND state.scope IN (SELECT seen.key FROM state AS seen
                                  WHERE seen.kind = 'album_grant'
                                    AND seen.scope = %(user_id)s
                                    AND NOT seen.is_gone))
), shown AS MATERIALIZED (
    SELECT line.key FROM line WHERE line.kind = 'asset'
     UNION
    SELECT view.key
      FROM state AS seen
      JOIN state AS view ON view.kind = 'album_view' AND view.scope = seen.key AND NOT view.is_gone
      JOIN state AS asset ON asset.kind = 'asset' AND asset.scope = view.home
                         AND asset.key = view.key AND NOT asset.is_gone AND asset.reach >= 1
     WHERE seen.kind = 'album_grant' AND seen.scope = %(user_id)s AND NOT seen.is_gone
     UNION
    SELECT asset.key
      FROM state AS seen
      JOIN state AS asset ON asset.kind = 'asset' AND asset.scope = seen.key
                         AND NOT asset.is_gone AND asset.reach >= 2
     WHERE seen.kind = 'partner_grant' AND seen.scope = %(user_id)s AND NOT seen.is_gone
)
SELECT unfit.kind, unfit.key, unfit.reason
  FROM (
SELECT line.kind, line.key, 'it is no line that an app can read' AS reason
  FROM line
  JOIN unnest(%(kinds)s::text[], %(fields)s::text[]) AS needed (kind, fields)
    ON needed.kind = line.kind
 WHERE coalesce(NOT jsonb_exists_all(line.data, string_to_array(needed.fields, ' ')), true)
 UNION ALL
SELECT line.kind, line.key, concat('its asset ', line.data ->> 'assetId', ' is not there')
  FROM line
 WHERE line.kind IN ('asset_exif', 'asset_metadata', 'asset_edit', 'asset_ocr', 'asset_face',
                     'memory_asset', 'album_asset')
   AND (line.data ->> 'assetId')::uuid NOT IN (SELECT shown.key FROM shown)
 UNION ALL
SELECT line.kind, line.key, concat('its cover ', line.data ->> 'thumbnailAssetId', ' is not there')
  FROM line
 WHERE line.kind = 'album'
   AND (line.data ->> 'thumbnailAssetId')::uuid NOT IN (SELECT shown.key FROM shown)
 UNION ALL
SELECT line.kind, line.key, concat('its ', named.field, ' ', line.data ->> named.field,
                                   ' is not there')
  FROM line
  JOIN (VALUES ('asset_face', 'personId', 'person'), ('memory_asset', 'memoryId', 'memory'),
               ('album_user', 'userId', 'user'), ('album_user', 'albumId', 'album'),
               ('album_asset', 'albumId', 'album'), ('asset', 'stackId', 'stack'),
               ('partner', 'sharedById', 'user'), ('partner', 'sharedWithId', 'user'))
       AS named (kind, field, parent) ON named.kind = line.kind
 WHERE line.data ->> named.field IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM line AS parent
                    WHERE parent.kind = named.parent
                      AND parent.key = (line.data ->> named.field)::uuid)
 UNION ALL
SELECT 'asset', twin.key, 'another asset has the same bytes'
  FROM (
    SELECT line.key, count(*) OVER (PARTITION BY line.data ->> 'checksum',
                                                 line.data ->> 'libraryId') AS twins
      FROM line
     WHERE line.kind = 'asset'
  ) AS twin
 WHERE twin.twins > 1
  ) AS unfit
 ORDER BY unfit.kind, unfit.key;

-- digest_kinds -> rows
-- What a copy that is complete up to a position holds of each request: how many, and their digests
-- xored. What came and went after that position is as it was then.
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
                AND state.reach >= wanted.reach
  ) AS entity
 GROUP BY entity.request
 ORDER BY entity.request;
