-- What people look at most is read from one row, and what they choose from is found by whose it is.

-- Where a picture was taken, and how it is shown, as in its exif row: to look each up in there took
-- half of the time of a month.
ALTER TABLE asset
    ADD projection_type text,
    ADD city            text,
    ADD country         text,
    ADD latitude        double precision,
    ADD longitude       double precision;
UPDATE asset
   SET projection_type = exif.projection_type, city = exif.city, country = exif.country,
       latitude = exif.latitude, longitude = exif.longitude
  FROM asset_exif AS exif
 WHERE exif.asset_id = asset.id
   AND num_nonnulls(exif.projection_type, exif.city, exif.country, exif.latitude,
                    exif.longitude) > 0;

-- Whoever changes an exif row holds its asset. To ask first keeps most changes from touching that.
CREATE FUNCTION place_assets() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM changed AS exif JOIN asset ON asset.id = exif.asset_id
         WHERE (asset.projection_type, asset.city, asset.country, asset.latitude, asset.longitude)
               IS DISTINCT FROM
               (exif.projection_type, exif.city, exif.country, exif.latitude, exif.longitude)) THEN
        UPDATE asset
           SET projection_type = exif.projection_type, city = exif.city, country = exif.country,
               latitude = exif.latitude, longitude = exif.longitude
          FROM changed AS exif
         WHERE asset.id = exif.asset_id
           AND (asset.projection_type, asset.city, asset.country, asset.latitude, asset.longitude)
               IS DISTINCT FROM
               (exif.projection_type, exif.city, exif.country, exif.latitude, exif.longitude);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER assets_are_placed AFTER INSERT ON asset_exif
   REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION place_assets();
CREATE TRIGGER assets_are_placed_again AFTER UPDATE ON asset_exif
   REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION place_assets();

-- The photos of each city, newest first.
CREATE INDEX asset_by_city ON asset (owner_id, city, file_created_at DESC, id DESC)
 WHERE city <> '' AND type = 'IMAGE' AND visibility = 'timeline' AND deleted_at IS NULL;

-- What there is to search by, each word of one owner's library once: found by going from one to the
-- next in an index.
ALTER TABLE asset_exif ADD owner_id uuid;
UPDATE asset_exif SET owner_id = asset.owner_id FROM asset WHERE asset.id = asset_exif.asset_id;
ALTER TABLE asset_exif ALTER owner_id SET NOT NULL;
CREATE FUNCTION own_exif() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.owner_id := (SELECT asset.owner_id FROM asset WHERE asset.id = NEW.asset_id);
    RETURN NEW;
END $$;
CREATE TRIGGER exif_is_owned BEFORE INSERT ON asset_exif
   FOR EACH ROW WHEN (NEW.owner_id IS NULL) EXECUTE FUNCTION own_exif();

DROP INDEX asset_exif_city_idx, asset_exif_state_idx, asset_exif_country_idx, asset_exif_make_idx,
           asset_exif_model_idx, asset_exif_lens_model_idx;
CREATE INDEX ON asset_exif (owner_id, city) WHERE city IS NOT NULL;
CREATE INDEX ON asset_exif (owner_id, state) WHERE state IS NOT NULL;
CREATE INDEX ON asset_exif (owner_id, country) WHERE country IS NOT NULL;
CREATE INDEX ON asset_exif (owner_id, make) WHERE make IS NOT NULL;
CREATE INDEX ON asset_exif (owner_id, model) WHERE model IS NOT NULL;
CREATE INDEX ON asset_exif (owner_id, lens_model) WHERE lens_model IS NOT NULL;

-- Of a time without a zone, or of one that is in UTC already.
CREATE FUNCTION iso(at timestamp) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
