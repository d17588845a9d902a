-- A cover is one of its album's assets, which their link already ties to a row. To check it again
-- would hold the asset after the album, where all others hold assets first.
ALTER TABLE album DROP CONSTRAINT album_thumbnail_asset_id_fkey;
