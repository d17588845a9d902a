-- What people browse by: tags, links for those without an account, talk about albums.

CREATE TABLE tag (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    owner_id   uuid        NOT NULL REFERENCES "user" ON DELETE CASCADE,
    parent_id  uuid REFERENCES tag ON DELETE CASCADE,
    value      text        NOT NULL,  -- with the names of all above it: `Places/Norway`
    color      text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (owner_id, value)
);
CREATE INDEX ON tag (parent_id);

CREATE TABLE tag_asset (
    tag_id   uuid NOT NULL REFERENCES tag ON DELETE CASCADE,
    asset_id uuid NOT NULL REFERENCES asset ON DELETE CASCADE,
    PRIMARY KEY (tag_id, asset_id)
);
CREATE INDEX ON tag_asset (asset_id);

CREATE TABLE activity (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    album_id   uuid        NOT NULL REFERENCES album ON DELETE CASCADE,
    user_id    uuid        NOT NULL REFERENCES "user" ON DELETE CASCADE,
    asset_id   uuid,                  -- NULL: about the album as a whole
    comment    text,                  -- NULL: a like
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    -- What leaves an album takes along what was said of it there.
    FOREIGN KEY (album_id, asset_id) REFERENCES album_asset ON DELETE CASCADE
);
CREATE UNIQUE INDEX activity_like ON activity (album_id, user_id, asset_id) NULLS NOT DISTINCT
    WHERE comment IS NULL;
CREATE INDEX ON activity (album_id, created_at);
CREATE INDEX ON activity (user_id);

CREATE TABLE shared_link (
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id           uuid        NOT NULL REFERENCES "user" ON DELETE CASCADE,
    key               bytea       NOT NULL,  -- 50 random bytes; its owner may see it again
    slug              text UNIQUE,
    album_id          uuid REFERENCES album ON DELETE CASCADE,  -- NULL: of single assets
    description       text,
    password          text,                  -- as it is, since the contract shows it to its owner
    expires_at        timestamptz,
    is_upload_allowed boolean     NOT NULL,
    is_download_allowed boolean   NOT NULL,
    is_metadata_shown boolean     NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT now()
);
-- Looked up by the hash, so that the time it takes tells nothing about keys.
CREATE UNIQUE INDEX shared_link_key ON shared_link (sha256(key));
CREATE INDEX ON shared_link (user_id);
CREATE INDEX ON shared_link (album_id);

CREATE TABLE shared_link_asset (
    shared_link_id uuid NOT NULL REFERENCES shared_link ON DELETE CASCADE,
    asset_id       uuid NOT NULL REFERENCES asset ON DELETE CASCADE,
    PRIMARY KEY (shared_link_id, asset_id)
);
CREATE INDEX ON shared_link_asset (asset_id);

ALTER TABLE asset ADD duplicate_id uuid;  -- of a group of pictures that are nearly the same
CREATE INDEX ON asset (owner_id, duplicate_id) WHERE duplicate_id IS NOT NULL;

ALTER TABLE person ADD thumbnail_key text;  -- where the picture of the face is
