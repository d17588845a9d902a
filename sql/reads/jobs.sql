-- count_jobs -> rows
-- What each queue holds.
SELECT job.queue,
       count(*) FILTER (WHERE job.dead_at IS NULL AND job.claimed_by IS NULL) AS waiting,
       count(*) FILTER (WHERE job.dead_at IS NULL AND job.claimed_by IS NOT NULL) AS active,
       count(*) FILTER (WHERE job.dead_at IS NOT NULL) AS dead
  FROM job
 GROUP BY job.queue
 ORDER BY job.queue;

-- list_dead -> rows
-- The newest jobs that were given up, and why.
SELECT job.queue, job.pos, job.entity_id, job.attempts, job.last_error, job.dead_at
  FROM job
 WHERE job.dead_at IS NOT NULL
 ORDER BY job.dead_at DESC
 LIMIT %(limit)s;
