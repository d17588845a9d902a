-- insert_stream -> none
INSERT INTO video_stream (id, asset_id, viewer_id)
VALUES (%(stream_id)s, %(asset_id)s, %(viewer_id)s);

-- delete_surplus -> count
-- Of a viewer's sessions only the newest few stay.
DELETE FROM video_stream
 WHERE video_stream.id IN (
       SELECT stream.id FROM video_stream AS stream
        WHERE stream.viewer_id = %(viewer_id)s
        ORDER BY stream.used_at DESC
       OFFSET %(count_max)s);

-- want -> row?
-- Note what a player asks for, and that it plays.
-- nullable: error
UPDATE video_stream
   SET variant = %(variant)s, segment = %(segment)s, used_at = now()
 WHERE video_stream.id = %(stream_id)s
   AND video_stream.asset_id = %(asset_id)s
   AND video_stream.viewer_id = %(viewer_id)s
RETURNING video_stream.error;

-- announce_wish -> none
-- To the workers: a session wants something, or ended. Never inside a write transaction.
SELECT pg_notify('video_stream', '');

-- announce_made -> none
-- To the servers: look again at what a session has. Never inside a write transaction.
SELECT pg_notify('video_segment', %(stream_id)s::uuid::text);

-- claim -> count
-- Zero when a living worker has it.
UPDATE video_stream
   SET worker = %(worker)s
 WHERE video_stream.id = %(stream_id)s
   AND NOT EXISTS (
       SELECT 1 FROM pg_locks
        WHERE pg_locks.locktype = 'advisory'
          AND pg_locks.database = (SELECT pg_database.oid FROM pg_database
                                    WHERE pg_database.datname = current_database())
          AND pg_locks.classid = hashtext('heliograph.worker')::oid
          AND pg_locks.objid = video_stream.worker::oid
          AND pg_locks.objsubid = 2);

-- release -> none
UPDATE video_stream SET worker = NULL
 WHERE video_stream.id = %(stream_id)s AND video_stream.worker = %(worker)s;

-- note_failure -> none
UPDATE video_stream SET error = %(error)s
 WHERE video_stream.id = %(stream_id)s AND video_stream.worker = %(worker)s;

-- end_stream -> count
DELETE FROM video_stream
 WHERE video_stream.id = %(stream_id)s
   AND video_stream.asset_id = %(asset_id)s
   AND video_stream.viewer_id = %(viewer_id)s;

-- delete_unused -> count
DELETE FROM video_stream WHERE video_stream.used_at < now() - %(keep)s::interval;

-- keep_outline -> none
INSERT INTO video_outline (asset_id, checksum, data)
SELECT asset.id, asset.checksum, %(data)s
  FROM asset
 WHERE asset.id = %(asset_id)s AND asset.checksum = %(checksum)s
    ON CONFLICT (asset_id) DO UPDATE
   SET checksum = excluded.checksum, data = excluded.data;
