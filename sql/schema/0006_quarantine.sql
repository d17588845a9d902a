-- What would jam an app, and is therefore not sent, or not whole. Mostly there is nothing.

CREATE TABLE quarantine (
    kind       text        NOT NULL,
    scope      uuid        NOT NULL,
    key        uuid        NOT NULL,
    fields     text[]      NOT NULL,  -- what is sent as null instead; none: nothing of it is sent
    reason     text        NOT NULL,
    noticed_at timestamptz NOT NULL DEFAULT now(),
    -- Within one transaction: as it would be now, to see whether it may be sent again.
    is_tried   boolean     NOT NULL DEFAULT false,
    home       uuid,
    reach      smallint    NOT NULL DEFAULT 0,
    trial      text,
    PRIMARY KEY (kind, scope, key)
);

-- A line with null for some of its fields, and else to the letter as it was.
CREATE FUNCTION without(line text, fields text[]) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT concat('{', string_agg(concat(to_json(entry.key), ':', entry.value), ','), '}')
      FROM (
        SELECT kept.key, kept.value::text
          FROM json_each(line::json) AS kept
         WHERE kept.key <> ALL (fields)
         UNION ALL
        SELECT DISTINCT nulled.key, 'null' FROM unnest(fields) AS nulled (key)
      ) AS entry
);

-- NULL for what is no line.
CREATE FUNCTION parsed(line text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RETURN line::jsonb;
EXCEPTION WHEN others THEN
    RETURN NULL;
END $$;

-- How a device's last stream went: where its cursors were then, and up to where it was looked for
-- what jams it.
ALTER TABLE sync_copy ADD COLUMN cursors text, ADD COLUMN searched bigint;
