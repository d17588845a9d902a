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
) PARTITION BY RANGE (pos);
-- The newest part has no end, so a pass never lacks one; a cut gives it one, and begins another.
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (1) TO (MAXVALUE);

-- The parts the log was cut into. They tell when a position was passed: all up to `upto` is older
-- than `cut_at`.
CREATE TABLE log_part (
    first      bigint      PRIMARY KEY,                 -- the table is log_<first>
    upto       bigint,                                  -- NULL: the one that is written to
    began_at   timestamptz NOT NULL DEFAULT now(),
    cut_at     timestamptz,
    is_dropped boolean     NOT NULL DEFAULT false
);
INSERT INTO log_part (first) VALUES (1);

-- Begin a new part, if the newest holds anything and is so old. Whoever reads the log for hours, as
-- a dump does, is not waited for: all who sequence or follow would wait behind.
CREATE FUNCTION cut_log(every interval) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    part log_part;
    head bigint;
BEGIN
    SELECT * INTO part FROM log_part WHERE upto IS NULL;
    SELECT pos INTO head FROM log_head;
    IF head < part.first OR part.began_at > now() - every THEN
        RETURN false;
    END IF;
    PERFORM set_config('lock_timeout', '1s', true);
    LOCK TABLE log IN ACCESS EXCLUSIVE MODE;
    SELECT pos INTO head FROM log_head;
    EXECUTE format('ALTER TABLE log DETACH PARTITION log_%s', part.first);
    EXECUTE format('ALTER TABLE log ATTACH PARTITION log_%s FOR VALUES FROM (%s) TO (%s)',
                   part.first, part.first, head + 1);
    EXECUTE format('CREATE TABLE log_%s PARTITION OF log FOR VALUES FROM (%s) TO (MAXVALUE)',
                   head + 1, head + 1);
    UPDATE log_part SET upto = head, cut_at = now() WHERE first = part.first;
    INSERT INTO log_part (first) VALUES (head + 1);
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END $$;

-- Drop the parts that are so old and that no job needs; how many.
CREATE FUNCTION drop_log(keep interval) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    part log_part;
    dropped integer := 0;
BEGIN
    PERFORM set_config('lock_timeout', '1s', true);
    FOR part IN
        SELECT * FROM log_part
         WHERE cut_at < now() - keep AND NOT is_dropped
           AND NOT EXISTS (SELECT FROM job WHERE job.pos BETWEEN log_part.first AND log_part.upto)
    LOOP
        EXECUTE format('DROP TABLE log_%s', part.first);
        UPDATE log_part SET is_dropped = true WHERE first = part.first;
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
EXCEPTION WHEN lock_not_available THEN
    RETURN 0;
END $$;

-- A position means something within one epoch only: one unbroken history of one database.
CREATE TABLE log_head (
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch       uuid    NOT NULL DEFAULT gen_random_uuid(),
    pos         bigint  NOT NULL DEFAULT 0,
    began       bigint  NOT NULL DEFAULT 0,  -- where the epoch did: what follows is its own
    incarnation text    -- where this history runs; a restore changes it, see renew_epoch
);
INSERT INTO log_head DEFAULT VALUES;

-- Up to here tombstones may be gone. Not in log_head: raising it must not make a pass fail.
CREATE TABLE log_floor (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    pos      bigint  NOT NULL DEFAULT 0
);
INSERT INTO log_floor DEFAULT VALUES;

-- Every entity a client may mirror, exactly as of the head: its sync line's `data`.
-- The scope says whose stream it is in: a user's, an album's, or everyone's.
CREATE TABLE state (
    kind    text     NOT NULL,
    scope   uuid     NOT NULL,
    key     uuid     NOT NULL,
    home    uuid,               -- of an album and what is in it: the owner, in whose scope it lives
    first   bigint   NOT NULL,  -- when it first came to life
    since   bigint   NOT NULL,  -- when it last did
    pos     bigint   NOT NULL,  -- when it last changed
    reach   smallint NOT NULL,  -- who may see it: 0 the owner, 1 albums too, 2 partners too
    reached smallint NOT NULL,  -- the furthest it ever reached
    data    text,               -- NULL: a tombstone
    gone    text,               -- the delete line's data, where the key alone does not tell it
    -- A column, since the planner does not see that an index on `data IS NULL` is in order.
    is_gone boolean  NOT NULL GENERATED ALWAYS AS (data IS NULL) STORED,
    PRIMARY KEY (kind, scope, key)
);
CREATE INDEX state_by_pos ON state (kind, scope, is_gone, pos);
CREATE INDEX state_gone ON state (pos) WHERE is_gone;
-- In which albums an asset is seen.
CREATE INDEX state_views ON state (key) WHERE kind = 'album_view' AND NOT is_gone;

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
    part       bigint      NOT NULL DEFAULT 0,  -- of a backfill: how far in what came at `pos`
    ground     bigint      NOT NULL DEFAULT 0,  -- of a backfill: up to where all before it is here
    acked_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (session_id, type)
);

-- What is known of a device's copy beside its acks, and how its last stream went.
CREATE TABLE sync_copy (
    session_id  uuid    PRIMARY KEY REFERENCES session ON DELETE CASCADE,
    epoch       uuid,
    since       bigint,                      -- it holds nothing that was gone before; NULL: not begun
    requests    bigint  NOT NULL DEFAULT 0,  -- bits of what was ever asked for, see sync/retention.py
    streamed_at timestamptz,
    line_count  bigint  NOT NULL DEFAULT 0,
    byte_count  bigint  NOT NULL DEFAULT 0,
    seconds     float8  NOT NULL DEFAULT 0,
    problem     text                         -- NULL: the stream was sent to its end
);

-- Whether a user sees an asset of somebody else: as a partner, or in an album.
CREATE FUNCTION is_seen(viewer uuid, owner uuid, asset uuid) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN EXISTS (
    SELECT 1
      FROM state AS own
      JOIN state AS seen ON seen.kind = 'partner_grant'
                        AND seen.scope = viewer AND seen.key = owner AND NOT seen.is_gone
     WHERE own.kind = 'asset' AND own.scope = owner AND own.key = asset
       AND NOT own.is_gone AND own.reach >= 2
    UNION ALL
    SELECT 1
      FROM state AS view
      JOIN state AS seen ON seen.kind = 'album_grant'
                        AND seen.scope = viewer AND seen.key = view.scope AND NOT seen.is_gone
     WHERE view.kind = 'album_view' AND view.key = asset AND NOT view.is_gone
);
