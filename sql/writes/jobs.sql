-- claim -> rows
-- Lease the oldest free jobs of a queue to one worker.
WITH free AS MATERIALIZED (
    SELECT job.pos, job.entity_id
      FROM job
     WHERE job.queue = %(queue)s
       AND job.dead_at IS NULL
       AND (job.claimed_until IS NULL OR job.claimed_until < now())
     ORDER BY job.pos
     LIMIT %(limit)s
       FOR UPDATE SKIP LOCKED
)
UPDATE job
   SET claimed_by = %(worker)s, claimed_until = now() + %(lease)s, attempts = job.attempts + 1
  FROM free
  JOIN log ON log.pos = free.pos
 WHERE job.queue = %(queue)s
   AND job.pos = free.pos
   AND job.entity_id = free.entity_id
RETURNING job.pos, job.entity_id, job.attempts, log.at, log.scope, log.topic, log.facts;

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

