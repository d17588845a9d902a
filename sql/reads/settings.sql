-- list_settings -> rows
SELECT setting.name, setting.value FROM setting ORDER BY setting.name;

-- list_versions -> rows
SELECT version_history.id, version_history.version, version_history.created_at
  FROM version_history
 ORDER BY version_history.created_at DESC;

-- get_metadata -> row?
-- What the server keeps of itself under a key.
SELECT system_metadata.value FROM system_metadata WHERE system_metadata.key = %(key)s;

-- postgres_version -> value
SELECT current_setting('server_version') AS postgres_version;
