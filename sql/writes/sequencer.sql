-- try_lead -> value
-- Not the waiting form: a waiting statement would hold back vacuum for as long as it waits.
SELECT pg_try_advisory_lock(hashtext('heliograph.sequencer')) AS is_leader;

-- find_still_leader -> row?
-- Who leads, if it does nothing and there is something to do; and since when it does nothing, as of
-- its last word. A pass between two statements looks the same, but not for long; one whose statement
-- takes long, or waits, is at work.
SELECT holder.pid, leader.state_change
  FROM pg_locks AS holder
  JOIN pg_stat_activity AS leader ON leader.pid = holder.pid
 WHERE EXISTS (SELECT FROM log_staging)
   AND holder.locktype = 'advisory'
   AND holder.granted
   AND holder.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND (holder.classid, holder.objid, holder.objsubid)
       = (SELECT ((lock.key >> 32) & 4294967295)::oid, (lock.key & 4294967295)::oid, 1
            FROM (SELECT hashtext('heliograph.sequencer')::bigint AS key) AS lock)
   AND (leader.state <> 'active' OR leader.wait_event = 'ClientRead');

-- cut_leader -> none
-- End a session if its last word is still the same. Its locks and what it did not commit go with it.
-- nullable: pid, state_change
SELECT pg_terminate_backend(leader.pid)
  FROM pg_stat_activity AS leader
 WHERE leader.pid = %(pid)s
   AND leader.state_change = %(state_change)s;

-- renew_epoch -> count
-- A restored database may hand out positions again that clients already know: start a new epoch.
-- Cluster, timeline and the table's own oid cover a new cluster, point-in-time recovery, and a
-- dump loaded beside or over the old tables.
UPDATE log_head
   SET epoch = gen_random_uuid(), began = pos, incarnation = here.incarnation
  FROM (
    SELECT concat_ws('.', control.system_identifier, point.timeline_id, 'log_head'::regclass::oid)
           AS incarnation
      FROM pg_control_system() AS control, pg_control_checkpoint() AS point
  ) AS here
 WHERE log_head.incarnation IS DISTINCT FROM here.incarnation;

-- doubt_epoch -> count
-- A snapshot of the disk that was put back looks as if nothing had been. It is found out when
-- somebody saw this epoch at a later position.
UPDATE log_head
   SET incarnation = NULL
 WHERE log_head.epoch = %(seen_epoch)s
   AND log_head.pos < %(seen_pos)s;

-- number -> row?
-- Move all that is staged in this snapshot into the log, in order, without a gap.
WITH staged AS (
    DELETE FROM log_staging
    RETURNING id, at, topic, scope, entity_ids, audience, facts
), numbered AS (
    INSERT INTO log (pos, at, topic, scope, entity_ids, audience, facts)
    SELECT (SELECT log_head.pos FROM log_head) + row_number() OVER (ORDER BY staged.id),
           staged.at, staged.topic, staged.scope, staged.entity_ids, staged.audience, staged.facts
      FROM staged
    RETURNING log.pos, log.topic
), batch AS (
    SELECT min(numbered.pos) - 1 AS after, max(numbered.pos) AS head,
           array_agg(DISTINCT numbered.topic) AS topics
      FROM numbered
)
UPDATE log_head
   SET pos = batch.head
  FROM batch
 WHERE batch.head IS NOT NULL
RETURNING batch.after, batch.head, batch.topics;

-- deliver -> none
-- One job in each queue that waits for the topic: for each entity, or for the entry as a whole. To
-- the workers: which queues have news. Workflows have none from those who have no workflows, and
-- nothing is moved without a template. Nobody waits for what was asked of many at once, or for a new
-- picture of what shows one.
WITH made AS (
    INSERT INTO job (queue, pos, entity_id, scope, is_backlog)
    SELECT route.queue, log.pos, entity.id, log.scope,
           cardinality(log.entity_ids) > 20
           OR route.queue = 'thumbnail'
              AND EXISTS (SELECT FROM asset
                           WHERE asset.id = entity.id AND asset.thumbhash IS NOT NULL)
      FROM log
      JOIN unnest(%(topics)s::text[], %(queues)s::text[], %(wholes)s::boolean[])
           AS route (topic, queue, is_whole) ON route.topic = log.topic
     CROSS JOIN unnest(CASE WHEN route.is_whole THEN ARRAY[log.scope] ELSE log.entity_ids END)
             AS entity (id)
     WHERE log.pos > %(after)s
       AND (route.queue <> 'workflow'
            OR EXISTS (SELECT 1 FROM workflow
                        WHERE workflow.owner_id = log.scope AND workflow.is_enabled))
       AND (route.queue <> 'storage_template'
            OR EXISTS (SELECT 1 FROM setting
                        WHERE setting.name = 'storageTemplate.enabled'
                          AND setting.value = 'true'))
        ON CONFLICT DO NOTHING
 RETURNING queue
)
SELECT pg_notify('job', made.queue) FROM made GROUP BY made.queue;

-- announce -> none
-- Delivered by the commit of the pass; the sequencer is the only one who notifies in a transaction.
SELECT pg_notify('log', %(head)s::bigint::text);

-- poke -> none
-- From a process that committed to the one that sequences. Never inside a write transaction.
NOTIFY staged;
