-- set_setting -> none
INSERT INTO setting (name, value) VALUES (%(name)s, %(value)s::jsonb)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- delete_setting -> count
DELETE FROM setting WHERE name = %(name)s;

-- note_version -> count
-- One row for each version that ever ran here; zero when the newest is this one.
INSERT INTO version_history (version)
SELECT %(version)s
 WHERE %(version)s IS DISTINCT FROM (
       SELECT version_history.version FROM version_history
        ORDER BY version_history.created_at DESC LIMIT 1);

-- set_metadata -> none
INSERT INTO system_metadata (key, value) VALUES (%(key)s, %(value)s::jsonb)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value;

-- lock_metadata -> row?
-- Whoever decides by it waits for the one before.
SELECT system_metadata.value FROM system_metadata WHERE system_metadata.key = %(key)s FOR UPDATE;
