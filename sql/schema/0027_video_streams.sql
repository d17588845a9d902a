-- Films that are made over while they are watched.

-- What has to be known of a film before, so that nobody has to look again.
CREATE TABLE video_outline (
    asset_id uuid  PRIMARY KEY REFERENCES asset ON DELETE CASCADE,
    checksum bytea NOT NULL,  -- of the bytes that were looked at
    data     bytea NOT NULL   -- sync/film_variants.py's Outline, in MessagePack
);

-- Who watches what, and which segment next. Gone with a crash of Postgres: players begin anew.
CREATE UNLOGGED TABLE video_stream (
    id        uuid        PRIMARY KEY,
    asset_id  uuid        NOT NULL REFERENCES asset ON DELETE CASCADE,
    viewer_id uuid        NOT NULL,  -- a user, or a shared link
    variant   integer,               -- NULL: nothing was asked for yet but what there is
    segment   integer,
    used_at   timestamptz NOT NULL DEFAULT now(),
    worker    integer,               -- the number under whose lock it is made over; NULL: nobody's
    error     text                   -- why it cannot be
);
CREATE INDEX ON video_stream (viewer_id, used_at);
CREATE INDEX ON video_stream (asset_id);
