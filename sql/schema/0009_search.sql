-- What finds assets: by words, by what the camera wrote, and newest first.

CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS unaccent;

-- Text as it is compared: without accents, in small letters. Indexed, so it has to stay as it is.
CREATE FUNCTION searchable(words text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN lower(unaccent('unaccent'::regdictionary, words));

-- The same for a LIKE, in which `%` and `_` are to be found as they are.
CREATE FUNCTION like_text(words text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN replace(replace(replace(searchable(words), '\', '\\'), '%', '\%'), '_', '\_');

-- A line read from a picture shows a word, perhaps with a letter misread.
CREATE FUNCTION shows(line text, word text) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN searchable(line) %>> searchable(word)
    OR searchable(line) LIKE '%' || like_text(word) || '%';

CREATE INDEX asset_dated ON asset (owner_id, file_created_at, id);
CREATE INDEX asset_file_name ON asset USING gin (searchable(original_file_name) gin_trgm_ops);
-- Not only where there is a description: of an index of some rows the planner takes no statistics,
-- and without these it does not see which words are common.
CREATE INDEX asset_exif_description ON asset_exif USING gin (searchable(description) gin_trgm_ops);
CREATE INDEX asset_ocr_text ON asset_ocr USING gin (searchable(text) gin_trgm_ops);

CREATE INDEX ON asset_exif (city) WHERE city IS NOT NULL;
CREATE INDEX ON asset_exif (state) WHERE state IS NOT NULL;
CREATE INDEX ON asset_exif (country) WHERE country IS NOT NULL;
CREATE INDEX ON asset_exif (make) WHERE make IS NOT NULL;
CREATE INDEX ON asset_exif (model) WHERE model IS NOT NULL;
CREATE INDEX ON asset_exif (lens_model) WHERE lens_model IS NOT NULL;
