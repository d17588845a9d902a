-- What the library is. Nothing here knows about the log.

-- Times on the wire have three fraction digits and a Z.
CREATE FUNCTION iso(at timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');

-- The key of something that is named by a parent and a word: the same again if it comes back.
CREATE FUNCTION key_of(parent uuid, word text) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN md5(parent::text || word)::uuid;

CREATE TABLE "user" (
    id                     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email                  text        NOT NULL UNIQUE,  -- lower case
    name                   text        NOT NULL,
    password               text,                         -- bcrypt; NULL: cannot log in with one
    pin_code               text,                         -- bcrypt
    is_admin               boolean     NOT NULL DEFAULT false,
    should_change_password boolean     NOT NULL DEFAULT true,
    avatar_color           text,
    profile_image_key      text,
    profile_changed_at     timestamptz NOT NULL DEFAULT now(),
    storage_label          text UNIQUE,
    oauth_id               text        NOT NULL DEFAULT '',
    cluster_group_id       uuid        NOT NULL DEFAULT gen_random_uuid(),
    quota_bytes            bigint,                       -- NULL: no limit
    usage_bytes            bigint      NOT NULL DEFAULT 0,
    status                 text        NOT NULL DEFAULT 'active',
    created_at             timestamptz NOT NULL DEFAULT now(),
    updated_at             timestamptz NOT NULL DEFAULT now(),
    deleted_at             timestamptz
);
-- Two people who sign up at once cannot both become the first administrator.
CREATE TABLE first_admin (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    user_id  uuid NOT NULL
);

CREATE TABLE user_metadata (
    id      uuid NOT NULL GENERATED ALWAYS AS (key_of(user_id, key)) STORED,
    user_id uuid  NOT NULL REFERENCES "user" ON DELETE CASCADE,
    key     text  NOT NULL,
    value   jsonb NOT NULL,
    PRIMARY KEY (user_id, key)
);
CREATE UNIQUE INDEX ON user_metadata (id);

CREATE TABLE session (
    id                    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id               uuid        NOT NULL REFERENCES "user" ON DELETE CASCADE,
    parent_id             uuid REFERENCES session ON DELETE CASCADE,
    token_hash            bytea       NOT NULL UNIQUE,  -- SHA-256
    device_type           text        NOT NULL DEFAULT '',
    device_os             text        NOT NULL DEFAULT '',
    app_version           text,
    is_pending_sync_reset boolean     NOT NULL DEFAULT false,
    pin_expires_at        timestamptz,
    expires_at            timestamptz,
    created_at            timestamptz NOT NULL DEFAULT now(),
    updated_at            timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON session (user_id);
CREATE INDEX ON session (parent_id);

CREATE TABLE api_key (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id     uuid        NOT NULL REFERENCES "user" ON DELETE CASCADE,
    name        text        NOT NULL,
    key_hash    bytea       NOT NULL UNIQUE,  -- SHA-256
    permissions text[]      NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON api_key (user_id);

CREATE TABLE asset (
    id                  uuid PRIMARY KEY,
    owner_id            uuid        NOT NULL REFERENCES "user",
    library_id          uuid,
    type                text        NOT NULL,
    original_key        text        NOT NULL,  -- where the bytes are, below the data folder
    original_file_name  text        NOT NULL,
    checksum            bytea       NOT NULL,  -- SHA-1
    file_bytes          bigint      NOT NULL,
    file_created_at     timestamptz NOT NULL,
    file_modified_at    timestamptz NOT NULL,
    local_date_time     timestamp   NOT NULL,  -- the clock on the wall where it was taken
    duration_ms         integer,
    is_favorite         boolean     NOT NULL DEFAULT false,
    visibility          text        NOT NULL DEFAULT 'timeline',
    live_photo_video_id uuid REFERENCES asset ON DELETE SET NULL,
    stack_id            uuid,
    thumbhash           bytea,
    width               integer,
    height              integer,
    is_edited           boolean     NOT NULL DEFAULT false,
    is_offline          boolean     NOT NULL DEFAULT false,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    deleted_at          timestamptz
);
CREATE UNIQUE INDEX asset_bytes ON asset (owner_id, checksum) WHERE library_id IS NULL;
CREATE UNIQUE INDEX asset_bytes_in_library ON asset (owner_id, library_id, checksum)
    WHERE library_id IS NOT NULL;
CREATE INDEX ON asset (live_photo_video_id) WHERE live_photo_video_id IS NOT NULL;
CREATE INDEX ON asset (owner_id, deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE asset_exif (
    asset_id            uuid PRIMARY KEY REFERENCES asset ON DELETE CASCADE,
    description         text NOT NULL DEFAULT '',
    exif_image_width    integer,
    exif_image_height   integer,
    orientation         text,
    date_time_original  timestamptz,
    modify_date         timestamptz,
    time_zone           text,
    latitude            double precision,
    longitude           double precision,
    projection_type     text,
    city                text,
    state               text,
    country             text,
    make                text,
    model               text,
    lens_model          text,
    f_number            double precision,
    focal_length        double precision,
    iso                 integer,
    exposure_time       text,
    profile_description text,
    rating              smallint,
    fps                 double precision,
    edited              text[] NOT NULL DEFAULT '{}'  -- columns a person set: no file overrules them
);

-- Files that belong to an asset beside its original.
CREATE TABLE asset_file (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    asset_id   uuid        NOT NULL REFERENCES asset ON DELETE CASCADE,
    type       text        NOT NULL,  -- thumbnail, preview, fullsize, sidecar
    key        text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (asset_id, type)
);

CREATE TABLE asset_metadata (
    id         uuid NOT NULL GENERATED ALWAYS AS (key_of(asset_id, key)) STORED,
    asset_id   uuid        NOT NULL REFERENCES asset ON DELETE CASCADE,
    key        text        NOT NULL,
    value      jsonb       NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (asset_id, key)
);
CREATE UNIQUE INDEX ON asset_metadata (id);

-- What the administrator set, where it differs from the defaults in sync/config.py.
CREATE TABLE setting (
    name  text PRIMARY KEY,
    value jsonb NOT NULL
);

CREATE TABLE version_history (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    version    text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
