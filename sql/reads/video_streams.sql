-- get_film -> row?
-- A film, and its outline if it is known.
-- nullable: data
SELECT asset.id, asset.type, asset.original_key, asset.checksum, outline.data
  FROM asset
  LEFT JOIN video_outline AS outline
    ON outline.asset_id = asset.id AND outline.checksum = asset.checksum
 WHERE asset.id = %(asset_id)s;

-- get_stream -> row?
-- A session of that viewer's with that film.
-- nullable: variant, segment, error
SELECT stream.variant, stream.segment, stream.error
  FROM video_stream AS stream
 WHERE stream.id = %(stream_id)s
   AND stream.asset_id = %(asset_id)s
   AND stream.viewer_id = %(viewer_id)s;

-- list_work -> rows
-- For a worker: the sessions that it has, and those that want something and that nobody has.
-- nullable: variant, segment
SELECT stream.id, stream.asset_id, stream.variant, stream.segment,
       stream.worker IS NOT DISTINCT FROM %(worker)s AS is_ours,
       extract(epoch FROM now() - stream.used_at)::float8 AS idle_seconds
  FROM video_stream AS stream
 WHERE stream.error IS NULL
   AND (stream.worker = %(worker)s
        OR stream.used_at > now() - %(patience)s::interval
       AND NOT EXISTS (
           SELECT 1 FROM pg_locks
            WHERE pg_locks.locktype = 'advisory'
              AND pg_locks.database = (SELECT pg_database.oid FROM pg_database
                                        WHERE pg_database.datname = current_database())
              AND pg_locks.classid = hashtext('heliograph.worker')::oid
              AND pg_locks.objid = stream.worker::oid
              AND pg_locks.objsubid = 2))
 ORDER BY stream.used_at;

-- list_kept -> rows
-- Those of the sessions that a living worker has.
SELECT stream.id
  FROM video_stream AS stream
 WHERE stream.id = ANY(%(stream_ids)s)
   AND EXISTS (
       SELECT 1 FROM pg_locks
        WHERE pg_locks.locktype = 'advisory'
          AND pg_locks.database = (SELECT pg_database.oid FROM pg_database
                                    WHERE pg_database.datname = current_database())
          AND pg_locks.classid = hashtext('heliograph.worker')::oid
          AND pg_locks.objid = stream.worker::oid
          AND pg_locks.objsubid = 2);
