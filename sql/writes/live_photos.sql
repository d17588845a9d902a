-- forget_identifier -> none
-- What a person parted is no pair any more, whatever its file says.
UPDATE asset_exif
   SET live_photo_cid = NULL,
       edited = ARRAY(SELECT DISTINCT unnest(edited || '{live_photo_cid}') ORDER BY 1)
 WHERE asset_id = %(asset_id)s;
