-- list_albums_showing -> rows
-- In which albums these assets are seen.
SELECT DISTINCT state.scope AS album_id
  FROM state
 WHERE state.kind = 'album_view'
   AND NOT state.is_gone
   AND state.key = ANY(%(asset_ids)s);
