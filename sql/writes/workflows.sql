-- insert_workflow -> row
-- nullable: name, description
INSERT INTO workflow (owner_id, trigger, name, description, is_enabled, is_logging, steps)
VALUES (%(owner_id)s, %(trigger)s, %(name)s, %(description)s, %(is_enabled)s, %(is_logging)s,
        %(steps)s::jsonb)
RETURNING id;

-- lock_workflow -> row?
-- A user's, held until commit.
SELECT workflow.trigger, workflow.name, workflow.description, workflow.is_enabled,
       workflow.is_logging, workflow.steps
  FROM workflow
 WHERE workflow.id = %(workflow_id)s AND workflow.owner_id = %(owner_id)s
   FOR UPDATE;

-- lock_triggered -> rows
-- What is to be done when this happens to an asset of a user, held until commit.
SELECT workflow.id, workflow.is_logging, workflow.steps
  FROM workflow
 WHERE workflow.owner_id = %(owner_id)s
   AND workflow.trigger = %(trigger)s
   AND workflow.is_enabled
 ORDER BY workflow.created_at, workflow.id
   FOR UPDATE;

-- update_workflow -> count
-- nullable: name, description
UPDATE workflow
   SET trigger = %(trigger)s, name = %(name)s, description = %(description)s,
       is_enabled = %(is_enabled)s, is_logging = %(is_logging)s, steps = %(steps)s::jsonb,
       updated_at = now()
 WHERE id = %(workflow_id)s;

-- set_steps -> count
UPDATE workflow SET steps = %(steps)s::jsonb, updated_at = now() WHERE id = %(workflow_id)s;

-- delete_workflow -> count
DELETE FROM workflow WHERE id = %(workflow_id)s AND owner_id = %(owner_id)s;

-- insert_log -> none
-- As exact as it is shown, so that a page can begin where another ends.
-- nullable: step_index, step_method, error
INSERT INTO workflow_log (workflow_id, asset_id, result, step_index, step_method, error, at)
VALUES (%(workflow_id)s, %(asset_id)s, %(result)s, %(step_index)s, %(step_method)s, %(error)s,
        date_trunc('milliseconds', clock_timestamp()));

-- trim_log -> count
-- Keep the newest only.
DELETE FROM workflow_log
 WHERE id IN (SELECT run.id FROM workflow_log AS run
               WHERE run.workflow_id = %(workflow_id)s
               ORDER BY run.at DESC, run.id
              OFFSET %(limit)s);
