-- count_jobs -> rows
-- What each queue holds.
SELECT job.queue,
       count(*) FILTER (WHERE job.dead_at IS NULL AND job.claimed_by IS NULL
                          AND (job.claimed_until IS NULL OR job.claimed_until <= now())) AS waiting,
       count(*) FILTER (WHERE job.dead_at IS NULL AND job.claimed_by IS NULL
                          AND job.claimed_until > now()) AS delayed,
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

-- list_paused -> rows
SELECT queue.name FROM queue WHERE queue.is_paused ORDER BY queue.name;

-- list_jobs -> rows
-- The oldest in some queues that are in one of these states, and why they failed.
-- nullable: last_error
SELECT job.queue, job.pos, job.entity_id, job.attempts, job.last_error, job.status, log.at
  FROM (
    SELECT job.queue, job.pos, job.entity_id, job.attempts, job.last_error,
           CASE WHEN job.dead_at IS NOT NULL THEN 'failed'
                WHEN job.claimed_by IS NOT NULL THEN 'active'
                WHEN job.claimed_until > now() THEN 'delayed'
                ELSE 'waiting' END AS status
      FROM job
     WHERE job.queue = ANY(%(queues)s)
  ) AS job
  JOIN log ON log.pos = job.pos
 WHERE job.status = ANY(%(statuses)s)
 ORDER BY job.pos, job.queue, job.entity_id
 LIMIT %(limit)s;

-- list_faceless -> rows
-- A thousand people of whom there is no face any more.
SELECT person.id, person.owner_id
  FROM person
 WHERE NOT EXISTS (SELECT FROM asset_face
                    WHERE asset_face.person_id = person.id AND asset_face.deleted_at IS NULL)
 ORDER BY person.owner_id, person.id
 LIMIT 1000;

-- list_unused_tags -> rows
-- A thousand tags that no asset has, nor any tag below them: there is none.
SELECT tag.id, tag.owner_id
  FROM tag
 WHERE NOT EXISTS (SELECT FROM tag_asset WHERE tag_asset.tag_id = tag.id)
   AND NOT EXISTS (SELECT FROM tag AS below WHERE below.parent_id = tag.id)
 ORDER BY tag.owner_id, tag.id
 LIMIT 1000;
