-- hold_identifier -> none
-- Until commit, one at a time: of two halves that come at once the second finds the first.
SELECT pg_advisory_xact_lock(hashtext('heliograph.live_photo'),
                             hashtext(%(owner_id)s::uuid::text || %(content_id)s::text));

-- forget_identifier -> none
-- What a person parted is no pair any more, whatever its file says.
UPDATE asset_exif
   SET live_photo_cid = NULL,
       edited = ARRAY(SELECT DISTINCT unnest(edited || '{live_photo_cid}') ORDER BY 1)
 WHERE asset_id = %(asset_id)s;
