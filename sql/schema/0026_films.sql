-- What is known of films, so that nobody has to look again.

-- Those that play as they are, and by which settings that was found.
CREATE TABLE playable_film (
    asset_id uuid PRIMARY KEY REFERENCES asset ON DELETE CASCADE,
    policy   text NOT NULL
);

-- These were accepted and meant nothing; now they would be refused.
DELETE FROM setting
 WHERE name = 'ffmpeg.preset'
   AND value NOT IN ('"veryslow"', '"slower"', '"slow"', '"medium"', '"fast"', '"faster"',
                     '"veryfast"', '"superfast"', '"ultrafast"');
DELETE FROM setting
 WHERE name = 'ffmpeg.targetResolution' AND value #>> '{}' !~ '^(original|[1-9]\d{0,4})$';
DELETE FROM setting
 WHERE name = 'ffmpeg.maxBitrate' AND value #>> '{}' !~ '^\s*\d{1,9}(\.\d+)?\s*[kKmM]?\s*$';
