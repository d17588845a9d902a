-- own -> rows
-- What lives in one scope.
SELECT state.pos, wanted.type,
       coalesce(state.data, state.gone, concat(wanted.naming, state.key, '"}')) AS data
  FROM state
 WHERE state.kind = wanted.kind
   AND state.scope = wanted.scope
   AND state.is_gone = wanted.is_gone
   AND state.pos > wanted.after

-- owned -> rows
-- The same, and whose it is.
SELECT state.pos, wanted.type,
       concat('{"ownerId":"', state.home, '",', substr(state.data, 2)) AS data
  FROM state
 WHERE state.kind = wanted.kind
   AND state.scope = wanted.scope
   AND NOT state.is_gone
   AND state.pos > wanted.after

-- nulled -> rows
-- The same, with null for an empty OAuth id.
SELECT state.pos, wanted.type, replace(state.data, '"oauthId":""', '"oauthId":null') AS data
  FROM state
 WHERE state.kind = wanted.kind
   AND state.scope = wanted.scope
   AND state.is_gone = false
   AND state.pos > wanted.after

-- partner -> rows
-- What a partner lets be seen. What the partner likes is the partner's own affair.
SELECT state.pos, wanted.type,
       replace(state.data, '"isFavorite":true', '"isFavorite":false') AS data
  FROM state
 WHERE state.kind = wanted.kind
   AND state.scope = wanted.scope
   AND state.is_gone = false
   AND state.pos > wanted.after
   AND state.reach >= 2

-- view -> rows
-- Other people's assets in an album, by way of their owners' own lines.
SELECT state.pos,
       CASE WHEN state.since > wanted.until THEN wanted.type
            ELSE replace(wanted.type, 'Create', 'Update') END AS type,
       replace(entity.data, '"isFavorite":true', '"isFavorite":false') AS data
  FROM state
  JOIN state AS entity ON entity.kind = wanted.kind
                      AND entity.scope = state.home
                      AND entity.key = state.key
 WHERE state.kind = 'album_view'
   AND state.scope = wanted.scope
   AND state.is_gone = false
   AND state.pos > wanted.after
   AND state.home <> %(user_id)s
   AND entity.data IS NOT NULL
   AND entity.reach >= 1

-- left_album -> rows
-- Other people's assets that were seen in an album and are nowhere seen now.
SELECT state.pos, wanted.type, concat(wanted.naming, state.key, '"}') AS data
  FROM state
 WHERE state.kind = 'album_view'
   AND state.scope = wanted.scope
   AND state.is_gone = wanted.is_gone
   AND state.pos > wanted.after
   AND state.first <= wanted.until
   AND state.home <> %(user_id)s
   AND NOT is_seen(%(user_id)s, state.home, state.key)

-- left_partner -> rows
-- What a partner let be seen, and does no more, and is nowhere seen now.
SELECT state.pos, wanted.type, concat(wanted.naming, state.key, '"}') AS data
  FROM state
 WHERE state.kind = wanted.kind
   AND state.scope = wanted.scope
   AND state.is_gone = wanted.is_gone
   AND state.pos > wanted.after
   AND state.first <= wanted.until
   AND state.reached >= 2
   AND (state.is_gone OR state.reach < wanted.below)
   AND (state.kind <> 'asset' OR NOT is_seen(%(user_id)s, state.scope, state.key))
