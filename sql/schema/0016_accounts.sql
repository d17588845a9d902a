-- Accounts: guesses at secrets, users who leave and may come back, groups who share people.

-- How many guesses are left under a name. A crash may forget it: that only lets in more guesses.
CREATE UNLOGGED TABLE guess (
    name text        PRIMARY KEY,
    rest float8      NOT NULL,  -- grows with time up to what its name is allowed
    at   timestamptz NOT NULL   -- when that was
);
CREATE INDEX ON guess (at);

CREATE INDEX user_gone ON "user" (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX user_cluster_group ON "user" (cluster_group_id);

-- What was shared by and with users who are deleted, as long as they can come back.
CREATE TABLE set_aside_member (
    album_id uuid NOT NULL REFERENCES album ON DELETE CASCADE,
    user_id  uuid NOT NULL REFERENCES "user" ON DELETE CASCADE,
    role     text NOT NULL,
    gone_id  uuid NOT NULL REFERENCES "user" ON DELETE CASCADE,  -- whose return brings it back
    PRIMARY KEY (album_id, user_id)
);
CREATE INDEX ON set_aside_member (gone_id);
CREATE INDEX ON set_aside_member (user_id);

CREATE TABLE set_aside_link (
    album_id uuid NOT NULL REFERENCES album ON DELETE CASCADE,
    asset_id uuid NOT NULL REFERENCES asset ON DELETE CASCADE,
    gone_id  uuid NOT NULL REFERENCES "user" ON DELETE CASCADE,
    PRIMARY KEY (album_id, asset_id)
);
CREATE INDEX ON set_aside_link (gone_id);
CREATE INDEX ON set_aside_link (asset_id);

CREATE TABLE set_aside_partner (
    shared_by_id   uuid    NOT NULL REFERENCES "user" ON DELETE CASCADE,
    shared_with_id uuid    NOT NULL REFERENCES "user" ON DELETE CASCADE,
    in_timeline    boolean NOT NULL,
    gone_id        uuid    NOT NULL REFERENCES "user" ON DELETE CASCADE,
    PRIMARY KEY (shared_by_id, shared_with_id)
);
CREATE INDEX ON set_aside_partner (gone_id);
CREATE INDEX ON set_aside_partner (shared_with_id);

-- Somebody was asked to join a group of users who share people; a group is where its members are.
CREATE TABLE cluster_group_request (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    cluster_group_id uuid        NOT NULL,
    user_id          uuid        NOT NULL REFERENCES "user" ON DELETE CASCADE,
    created_at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (cluster_group_id, user_id)
);
CREATE INDEX ON cluster_group_request (user_id);
