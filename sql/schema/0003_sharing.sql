-- What several people see: albums and partners.

CREATE TABLE album (
    id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    owner_id            uuid        NOT NULL REFERENCES "user",
    name                text        NOT NULL,
    description         text        NOT NULL DEFAULT '',
    thumbnail_asset_id  uuid REFERENCES asset ON DELETE SET NULL,
    is_activity_enabled boolean     NOT NULL DEFAULT true,
    "order"             text        NOT NULL DEFAULT 'desc',
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON album (owner_id);
CREATE INDEX ON album (thumbnail_asset_id) WHERE thumbnail_asset_id IS NOT NULL;

CREATE TABLE album_user (
    album_id   uuid        NOT NULL REFERENCES album ON DELETE CASCADE,
    user_id    uuid        NOT NULL REFERENCES "user",
    role       text        NOT NULL,  -- owner, editor, viewer
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (album_id, user_id)
);
CREATE INDEX ON album_user (user_id);

CREATE TABLE album_asset (
    album_id   uuid        NOT NULL REFERENCES album ON DELETE CASCADE,
    asset_id   uuid        NOT NULL REFERENCES asset,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (album_id, asset_id)
);
CREATE INDEX ON album_asset (asset_id);

CREATE TABLE partner (
    id             uuid NOT NULL GENERATED ALWAYS AS (key_of(shared_by_id, shared_with_id::text)) STORED,
    shared_by_id   uuid        NOT NULL REFERENCES "user",
    shared_with_id uuid        NOT NULL REFERENCES "user",
    in_timeline    boolean     NOT NULL DEFAULT false,
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (shared_by_id, shared_with_id)
);
CREATE UNIQUE INDEX ON partner (id);
CREATE INDEX ON partner (shared_with_id);
