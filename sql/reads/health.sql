-- get_health -> row
-- Whether somebody numbers the changes and somebody does the jobs, and what waits to be numbered.
SELECT EXISTS (SELECT 1 FROM pg_locks
                WHERE pg_locks.locktype = 'advisory' AND pg_locks.granted AND pg_locks.objsubid = 1
                  AND pg_locks.database = this.oid
                  AND (pg_locks.classid::bigint << 32 | pg_locks.objid::bigint)
                      = hashtext('heliograph.sequencer')) AS has_sequencer,
       (SELECT count(*) FROM pg_locks
         WHERE pg_locks.locktype = 'advisory' AND pg_locks.granted AND pg_locks.objsubid = 2
           AND pg_locks.database = this.oid
           AND pg_locks.classid::bigint
               = hashtext('heliograph.worker')::bigint & 4294967295) AS workers,
       (SELECT count(*) FROM log_staging) AS staged,
       (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(log_staging.at)), 0)::float8
          FROM log_staging) AS oldest_staged_seconds,
       current_setting('server_version') AS postgres_version
  FROM pg_database this
 WHERE this.datname = current_database();

-- is_migrated -> value
-- Whether the schema was applied at all.
SELECT to_regclass('migration') IS NOT NULL AS is_migrated;

-- list_migrations -> rows
-- The schema files that were applied.
SELECT migration.name FROM migration ORDER BY migration.name;
