-- claim -> rows
-- Lease free jobs of a queue to one worker, unless it is paused, by Immich's name: the oldest of each
-- user in turn, from the one after the last, so that nobody waits for another's thousands; what nobody
-- waits for comes last.
WITH RECURSIVE lane AS (
    (SELECT job.is_backlog, job.scope
       FROM job
      WHERE job.queue = %(queue)s
        AND job.dead_at IS NULL
        AND NOT EXISTS (SELECT FROM queue WHERE queue.name = %(name)s AND queue.is_paused)
      ORDER BY job.is_backlog, job.scope
      LIMIT 1)
     UNION ALL
    SELECT following.is_backlog, following.scope
      FROM lane
     CROSS JOIN LATERAL (
           SELECT job.is_backlog, job.scope
             FROM job
            WHERE job.queue = %(queue)s
              AND job.dead_at IS NULL
              AND (job.is_backlog, job.scope) > (lane.is_backlog, lane.scope)
            ORDER BY job.is_backlog, job.scope
            LIMIT 1) AS following
), waiting AS MATERIALIZED (
    SELECT lane.is_backlog, lane.scope, first.pos, first.entity_id,
           row_number() OVER (PARTITION BY lane.is_backlog, lane.scope
                                  ORDER BY first.pos, first.entity_id) AS turn
      FROM lane
     CROSS JOIN LATERAL (
           SELECT job.pos, job.entity_id
             FROM job
            WHERE job.queue = %(queue)s
              AND job.dead_at IS NULL
              AND job.is_backlog = lane.is_backlog
              AND job.scope = lane.scope
              AND (job.claimed_until IS NULL OR job.claimed_until < now())
            ORDER BY job.pos
            -- Others may be taking the first ones at this moment.
            LIMIT 4 * %(limit)s::integer) AS first
), free AS MATERIALIZED (
    SELECT locked.place
      FROM (SELECT waiting.pos, waiting.entity_id FROM waiting
             ORDER BY waiting.is_backlog, waiting.turn, waiting.scope <= %(last)s, waiting.scope
           ) AS next
     CROSS JOIN LATERAL (
           SELECT job.ctid AS place
             FROM job
            WHERE job.queue = %(queue)s
              AND job.pos = next.pos
              AND job.entity_id = next.entity_id
              AND job.dead_at IS NULL
              AND (job.claimed_until IS NULL OR job.claimed_until < now())
            LIMIT 1
              FOR UPDATE SKIP LOCKED) AS locked
     LIMIT %(limit)s
)
-- By their places, or a long queue would be read as a whole.
UPDATE job
   SET claimed_by = %(worker)s, claimed_until = now() + %(lease)s, attempts = job.attempts + 1
  FROM log
 WHERE job.ctid = ANY(ARRAY(SELECT free.place FROM free))
   AND log.pos = job.pos
RETURNING job.pos, job.entity_id, job.attempts, log.at, log.scope, log.topic, log.facts,
          job.is_backlog;

-- finish -> count
-- Zero when another worker took over an expired lease and finished first.
DELETE FROM job
 WHERE job.queue = %(queue)s AND job.pos = %(pos)s AND job.entity_id = %(entity_id)s;

-- note_failure -> none
-- Try again after a pause, or, without one, give up until a person requeues it.
-- nullable: pause
UPDATE job
   SET claimed_by = NULL,
       claimed_until = now() + %(pause)s,
       attempts = job.attempts - CASE WHEN %(is_counted)s THEN 0 ELSE 1 END,
       dead_at = CASE WHEN %(pause)s::interval IS NULL THEN now() END,
       last_error = %(error)s
 WHERE job.queue = %(queue)s AND job.pos = %(pos)s AND job.entity_id = %(entity_id)s;

-- take_number -> value
-- A number for one worker, which it locks for as long as its session lives.
WITH drawn AS MATERIALIZED (SELECT nextval('worker_number')::integer AS number)
SELECT drawn.number FROM drawn
 WHERE pg_advisory_lock(hashtext('heliograph.worker'), drawn.number) IS NOT NULL;

-- release_abandoned -> count
-- Free what dead workers had claimed: their locks went with their sessions. What has seen too many
-- of them die is given up. From the second death on they are tried apart, so that the one who
-- kills does not take its neighbours with it.
WITH abandoned AS (
    SELECT job.queue, job.pos, job.entity_id, job.claimed_by,
           row_number() OVER (ORDER BY job.queue, job.pos, job.entity_id) - 1 AS place
      FROM job
     WHERE job.claimed_by IS NOT NULL
       AND NOT EXISTS (
           SELECT 1 FROM pg_locks
            WHERE pg_locks.locktype = 'advisory'
              AND pg_locks.database = (SELECT pg_database.oid FROM pg_database
                                        WHERE pg_database.datname = current_database())
              AND pg_locks.classid = hashtext('heliograph.worker')::oid
              AND pg_locks.objid = job.claimed_by::oid
              AND pg_locks.objsubid = 2)
)
UPDATE job
   SET claimed_by = NULL,
       claimed_until = CASE WHEN job.attempts > 1
                            THEN now() + abandoned.place * %(apart)s::interval END,
       dead_at = CASE WHEN job.attempts >= %(attempts_max)s THEN now() END,
       last_error = CASE WHEN job.attempts >= %(attempts_max)s THEN 'The worker died of it'
                         ELSE job.last_error END
  FROM abandoned
 WHERE job.queue = abandoned.queue
   AND job.pos = abandoned.pos
   AND job.entity_id = abandoned.entity_id
   AND job.claimed_by = abandoned.claimed_by;


-- release -> count
-- Give back what a worker claimed and did not begin.
UPDATE job
   SET claimed_by = NULL, claimed_until = NULL, attempts = job.attempts - 1
  FROM unnest(%(positions)s::bigint[], %(entity_ids)s::uuid[]) AS left_over (pos, entity_id)
 WHERE job.queue = %(queue)s
   AND job.pos = left_over.pos
   AND job.entity_id = left_over.entity_id
   AND job.claimed_by = %(worker)s;

-- announce -> none
-- To the workers: what they may do has changed. Never inside a write transaction.
SELECT pg_notify('job', '');

-- set_paused -> none
INSERT INTO queue (name, is_paused) VALUES (%(name)s, %(is_paused)s)
    ON CONFLICT (name) DO UPDATE SET is_paused = excluded.is_paused;

-- drop_waiting -> count
-- Forget some jobs that nobody has begun.
DELETE FROM job
 USING (
    SELECT job.queue, job.pos, job.entity_id
      FROM job
     WHERE job.queue = ANY(%(queues)s) AND job.dead_at IS NULL AND job.claimed_by IS NULL
     LIMIT %(limit)s
       FOR UPDATE SKIP LOCKED
 ) AS chosen
 WHERE job.queue = chosen.queue AND job.pos = chosen.pos AND job.entity_id = chosen.entity_id;

-- drop_failed -> count
-- Forget some jobs that were given up.
DELETE FROM job
 USING (
    SELECT job.queue, job.pos, job.entity_id
      FROM job
     WHERE job.queue = ANY(%(queues)s) AND job.dead_at IS NOT NULL
     LIMIT %(limit)s
       FOR UPDATE SKIP LOCKED
 ) AS chosen
 WHERE job.queue = chosen.queue AND job.pos = chosen.pos AND job.entity_id = chosen.entity_id;

-- request_assets -> row?
-- Stage one entry for each thousand assets that lack what a queue makes, or for all, as always of
-- those that may have to be moved, which only who looks at each of them knows; those that
-- wait for it already are left out, and new ones replace those that were given up. From an id on;
-- the last id.
WITH page AS MATERIALIZED (
    SELECT asset.id, asset.owner_id
      FROM asset
     WHERE asset.id > %(after)s
       AND asset.deleted_at IS NULL
       AND (asset.type = 'VIDEO' OR %(queue)s <> 'transcode')
       AND ((%(is_forced)s AND %(queue)s <> 'sidecar')
            OR CASE %(queue)s
                    WHEN 'metadata' THEN asset.width IS NULL
                    WHEN 'sidecar' THEN asset.library_id IS NULL AND EXISTS (
                         SELECT FROM asset_exif AS exif
                          WHERE exif.asset_id = asset.id
                            AND (exif.is_unwritten
                                 OR (%(is_forced)s
                                     AND (exif.edited <> '{}'
                                          OR EXISTS (
                                              SELECT FROM asset_file AS file
                                               WHERE file.asset_id = asset.id
                                                 AND file.type = 'sidecar')))
                                 OR exif.tags <> ARRAY(
                                     SELECT tag.value
                                       FROM tag_asset
                                       JOIN tag ON tag.id = tag_asset.tag_id
                                      WHERE tag_asset.asset_id = asset.id
                                      ORDER BY tag.value COLLATE "C")))
                    WHEN 'storage_template' THEN asset.library_id IS NULL
                    WHEN 'transcode' THEN NOT EXISTS (
                         SELECT FROM asset_file AS file
                          WHERE file.asset_id = asset.id AND file.type = 'encoded_video')
                    WHEN 'thumbnail' THEN asset.thumbhash IS NULL
                         OR asset.made_as <> ALL(%(forms)s::text[])
                         OR (SELECT count(*) FROM asset_file AS file
                              WHERE file.asset_id = asset.id
                                AND file.type IN ('thumbnail', 'preview')
                                AND NOT file.is_edited
                                AND file.file_bytes IS DISTINCT FROM 0) < 2
                    ELSE asset.thumbhash IS NULL END)
     ORDER BY asset.id
     LIMIT %(limit)s
), given_up AS (
    DELETE FROM job
     USING page
     WHERE job.queue = %(queue)s AND job.entity_id = page.id AND job.dead_at IS NOT NULL
), part AS (
    SELECT page.id, page.owner_id,
           (row_number() OVER (PARTITION BY page.owner_id ORDER BY page.id) - 1) / 1000 AS number
      FROM page
     WHERE NOT EXISTS (SELECT FROM job
                        WHERE job.queue = %(queue)s AND job.entity_id = page.id
                          AND job.dead_at IS NULL)
), staged AS (
    INSERT INTO log_staging (topic, scope, entity_ids, audience, facts)
    SELECT %(topic)s, part.owner_id, array_agg(part.id ORDER BY part.id), '{}', %(facts)s
      FROM part
     GROUP BY part.owner_id, part.number
)
SELECT page.id AS last FROM page ORDER BY page.id DESC LIMIT 1;

-- request_people -> row?
-- The same of people with a face, for their pictures.
WITH page AS MATERIALIZED (
    SELECT person.id, person.owner_id
      FROM person
     WHERE person.id > %(after)s
       AND person.face_id IS NOT NULL
       AND (%(is_forced)s OR person.thumbnail_key IS NULL)
     ORDER BY person.id
     LIMIT %(limit)s
), given_up AS (
    DELETE FROM job
     USING page
     WHERE job.queue = 'person_thumbnail' AND job.entity_id = page.id AND job.dead_at IS NOT NULL
), part AS (
    SELECT page.id, page.owner_id,
           (row_number() OVER (PARTITION BY page.owner_id ORDER BY page.id) - 1) / 1000 AS number
      FROM page
     WHERE NOT EXISTS (SELECT FROM job
                        WHERE job.queue = 'person_thumbnail' AND job.entity_id = page.id
                          AND job.dead_at IS NULL)
), staged AS (
    INSERT INTO log_staging (topic, scope, entity_ids, audience, facts)
    SELECT %(topic)s, part.owner_id, array_agg(part.id ORDER BY part.id), '{}', %(facts)s
      FROM part
     GROUP BY part.owner_id, part.number
)
SELECT page.id AS last FROM page ORDER BY page.id DESC LIMIT 1;
