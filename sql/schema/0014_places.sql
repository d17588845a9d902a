-- Where places are, so that photos can say where they were taken without asking anybody.

CREATE TABLE place (
    country    text             NOT NULL,
    state      text             NOT NULL,  -- or whatever a country is divided into first; may be ''
    county     text             NOT NULL,  -- may be ''
    name       text             NOT NULL,
    latitude   double precision NOT NULL,  -- degrees
    longitude  double precision NOT NULL,
    population bigint           NOT NULL,
    searched   text             NOT NULL GENERATED ALWAYS AS (searchable(name)) STORED
);
CREATE INDEX place_spot ON place USING gist (point(longitude, latitude));
CREATE INDEX place_name ON place USING gin (searched gin_trgm_ops);

-- Metres between two spots on a sphere.
CREATE FUNCTION metres(lat1 float8, lon1 float8, lat2 float8, lon2 float8) RETURNS float8
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN 2 * 6371008.8 * asin(least(1, sqrt(
    sind((lat2 - lat1) / 2) ^ 2 + cosd(lat1) * cosd(lat2) * sind((lon2 - lon1) / 2) ^ 2)));

-- The nearest place within 25 km, which is how far a photo is taken to be "in" it; of one farther
-- away, up to 100 km, only the country. No row in the middle of an ocean.
CREATE FUNCTION nearest_place(lat float8, lon float8)
RETURNS TABLE (city text, state text, country text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1 AS $$
DECLARE
    radius float8;
    high   float8;  -- degrees
    wide   float8;
BEGIN
    IF lat IS NULL OR lon IS NULL THEN
        RETURN;
    END IF;
    -- From small to large: in a dense country the first finds it among few.
    FOREACH radius IN ARRAY ARRAY[5000, 25000, 100000] LOOP
        high := radius / 111195;
        wide := high / greatest(cosd(lat), 0.01);
        RETURN QUERY
        SELECT CASE WHEN radius <= 25000 THEN near.name END,
               CASE WHEN radius <= 25000 THEN nullif(near.state, '') END,
               near.country
          FROM (
            SELECT place.name, place.state, place.country,
                   metres(lat, lon, place.latitude, place.longitude) AS metres
              FROM unnest(ARRAY[-360, 0, 360]) AS turn (degrees)  -- beyond the date line it goes on
              JOIN place ON point(place.longitude, place.latitude) <@ box(
                       point(lon + turn.degrees - wide, lat - high),
                       point(lon + turn.degrees + wide, lat + high))
          ) AS near
         WHERE near.metres <= radius
         ORDER BY near.metres
         LIMIT 1;
        EXIT WHEN FOUND;
    END LOOP;
END $$;
