-- Files of a picture as it was edited lie beside those of it as it was taken.
ALTER TABLE asset_file
    ADD is_edited      boolean NOT NULL DEFAULT false,
    ADD is_progressive boolean NOT NULL DEFAULT false,
    ADD is_transparent boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT asset_file_asset_id_type_key,
    ADD UNIQUE (asset_id, type, is_edited);
