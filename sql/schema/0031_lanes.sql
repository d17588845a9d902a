-- Jobs are taken from each user in turn, and what nobody waits for comes last.
ALTER TABLE job
    ADD COLUMN scope uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    ADD COLUMN is_backlog boolean NOT NULL DEFAULT false;
UPDATE job SET scope = log.scope FROM log WHERE log.pos = job.pos;
ALTER TABLE job ALTER COLUMN scope DROP DEFAULT;
CREATE INDEX job_lane ON job (queue, is_backlog, scope, pos) WHERE dead_at IS NULL;
