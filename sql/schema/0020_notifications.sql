-- What people are told beside the pictures themselves.

CREATE TABLE notification (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id     uuid        NOT NULL REFERENCES "user" ON DELETE CASCADE,
    type        text        NOT NULL,  -- AlbumInvite, AlbumUpdate, BackupFailed, ...
    level       text        NOT NULL,  -- success, error, warning, info
    title       text        NOT NULL,
    description text,
    data        jsonb,
    read_at     timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON notification (user_id, created_at);

-- Who is to be told that an album has more to show, as soon as nobody adds to it for a while.
CREATE TABLE album_news (
    album_id uuid        NOT NULL REFERENCES album ON DELETE CASCADE,
    user_id  uuid        NOT NULL REFERENCES "user" ON DELETE CASCADE,
    due_at   timestamptz NOT NULL,
    PRIMARY KEY (album_id, user_id)
);
CREATE INDEX ON album_news (due_at);
