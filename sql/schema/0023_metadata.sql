-- What files say beside what people say, and what of that is in a sidecar.

ALTER TABLE asset_exif
    ADD tags         text[]  NOT NULL DEFAULT '{}',  -- that its files name, as last read or written
    ADD burst_id     text,                           -- the same for all of a burst
    ADD is_unwritten boolean NOT NULL DEFAULT false; -- a person said what is in no sidecar yet
UPDATE asset_exif SET is_unwritten = true WHERE edited <> '{}';
-- Whose sidecars are to be written anew when a tag gets another name, or goes.
CREATE INDEX asset_exif_tags ON asset_exif USING gin (tags) WHERE tags <> '{}';

-- A file gave the tag, and may take it away again.
ALTER TABLE tag_asset ADD is_from_file boolean NOT NULL DEFAULT false;

-- Whose face it is as the file says. Where that says the same as before, a person's word stays.
ALTER TABLE asset_face ADD written_name text;
