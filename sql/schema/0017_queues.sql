-- What administrators do with queues, what is due when, and libraries outside of the data folder.

-- By the name that Immich has for it. No row: it works.
CREATE TABLE queue (
    name      text    PRIMARY KEY,
    is_paused boolean NOT NULL
);

-- What is done at set times: when it was last begun, and by which times.
CREATE TABLE timetable (
    name       text        PRIMARY KEY,
    expression text        NOT NULL,  -- cron's
    begun_at   timestamptz NOT NULL
);

CREATE TABLE library (
    id                 uuid        PRIMARY KEY,
    owner_id           uuid        NOT NULL REFERENCES "user" ON DELETE CASCADE,
    name               text        NOT NULL,
    import_paths       text[]      NOT NULL,
    exclusion_patterns text[]      NOT NULL,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    refreshed_at       timestamptz,  -- when it was last looked through
    deleted_at         timestamptz   -- its assets are on their way out
);
CREATE INDEX ON library (owner_id);
CREATE INDEX asset_in_library ON asset (library_id) WHERE library_id IS NOT NULL;
