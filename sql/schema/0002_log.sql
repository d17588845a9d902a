-- What happened to it. Writers touch log_staging only; the sequencer owns the rest.

CREATE TABLE log_staging (
    id         bigserial   PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    topic      text        NOT NULL,
    scope      uuid        NOT NULL,
    entity_ids uuid[]      NOT NULL,
    audience   uuid[]      NOT NULL,
    facts      bytea       NOT NULL  -- msgpack
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);

CREATE TABLE log (
    pos        bigint      PRIMARY KEY,
    at         timestamptz NOT NULL,
    topic      text        NOT NULL,
    scope      uuid        NOT NULL,
    entity_ids uuid[]      NOT NULL,
    audience   uuid[]      NOT NULL,
    facts      bytea       NOT NULL
);

-- A position means something within one epoch only: one unbroken history of one database.
CREATE TABLE log_head (
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch       uuid    NOT NULL DEFAULT gen_random_uuid(),
    pos         bigint  NOT NULL DEFAULT 0,
    incarnation text    -- where this history runs; a restore changes it, see renew_epoch
);
INSERT INTO log_head DEFAULT VALUES;

-- Every entity a client may mirror, exactly as of the head: its sync line's `data`.
-- The scope says whose stream it is in.
CREATE TABLE state (
    kind    text    NOT NULL,
    scope   uuid    NOT NULL,
    key     uuid    NOT NULL,
    pos     bigint  NOT NULL,  -- when it last changed
    data    text,              -- NULL: a tombstone
    gone    text,              -- the delete line's data, where the key alone does not tell it
    -- A column, since the planner does not see that an index on `data IS NULL` is in order.
    is_gone boolean NOT NULL GENERATED ALWAYS AS (data IS NULL) STORED,
    PRIMARY KEY (kind, scope, key)
);
CREATE INDEX state_by_pos ON state (kind, scope, is_gone, pos);

-- Work that an entry put into a queue, for one of its entities.
CREATE TABLE job (
    queue         text     NOT NULL,
    pos           bigint   NOT NULL,
    entity_id     uuid     NOT NULL,
    attempts      smallint NOT NULL DEFAULT 0,
    claimed_by    integer,      -- the worker, which holds the advisory lock of this number
    claimed_until timestamptz,  -- or, after a failure, when to try again
    last_error    text,
    dead_at       timestamptz,  -- given up: a person may read the error and requeue it
    PRIMARY KEY (queue, pos, entity_id)
);
CREATE INDEX job_dead ON job (queue, dead_at) WHERE dead_at IS NOT NULL;
CREATE SEQUENCE worker_number AS integer CYCLE;

-- How far each device has come, per type of line. Not part of what happened.
CREATE TABLE checkpoint (
    session_id uuid        NOT NULL REFERENCES session ON DELETE CASCADE,
    type       text        NOT NULL,
    epoch      uuid        NOT NULL,
    pos        bigint      NOT NULL,
    acked_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (session_id, type)
);
