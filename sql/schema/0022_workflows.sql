-- What users have done to their assets when something happens to them.

CREATE TABLE workflow (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    owner_id    uuid        NOT NULL REFERENCES "user" ON DELETE CASCADE,
    trigger     text        NOT NULL,  -- AssetCreate, AssetMetadataExtraction, AssetTagged
    name        text,
    description text,
    is_enabled  boolean     NOT NULL,
    is_logging  boolean     NOT NULL,
    steps       jsonb       NOT NULL,  -- in order: [{"method", "config", "enabled"}]
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON workflow (owner_id, trigger);

-- What became of the newest runs, where that is wanted.
CREATE TABLE workflow_log (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workflow_id uuid        NOT NULL REFERENCES workflow ON DELETE CASCADE,
    asset_id    uuid        NOT NULL,
    result      text        NOT NULL,  -- completed, halted, error
    step_index  integer,               -- of the last step, unless all were taken
    step_method text,
    error       text,
    at          timestamptz NOT NULL
);
CREATE INDEX ON workflow_log (workflow_id, at);

-- Whether text matches what a user wrote; NULL: that is no pattern. Python's own expressions may
-- take forever over a bad one.
CREATE FUNCTION matches_pattern(value text, pattern text, is_case_sensitive boolean)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN CASE WHEN is_case_sensitive THEN value ~ pattern ELSE value ~* pattern END;
EXCEPTION WHEN invalid_regular_expression THEN
    RETURN NULL;
END $$;
