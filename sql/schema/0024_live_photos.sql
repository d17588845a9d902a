-- Stills and films that were taken as one.

-- What Apple's phones call the two of them; equal in both.
ALTER TABLE asset_exif ADD live_photo_cid text;
CREATE INDEX ON asset_exif (live_photo_cid) WHERE live_photo_cid IS NOT NULL;

-- A film that lay inside of its still, and was copied out of it.
ALTER TABLE asset ADD is_extracted boolean NOT NULL DEFAULT false;
