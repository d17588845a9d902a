-- What is made of assets and found in them: stacks, memories, people, text, edits.

CREATE TABLE stack (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    owner_id         uuid        NOT NULL REFERENCES "user",
    primary_asset_id uuid        NOT NULL UNIQUE REFERENCES asset,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON stack (owner_id);
ALTER TABLE asset ADD FOREIGN KEY (stack_id) REFERENCES stack ON DELETE SET NULL;
CREATE INDEX ON asset (stack_id) WHERE stack_id IS NOT NULL;

CREATE TABLE memory (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    owner_id   uuid        NOT NULL REFERENCES "user",
    type       text        NOT NULL,
    data       jsonb       NOT NULL,
    is_saved   boolean     NOT NULL DEFAULT false,
    memory_at  timestamptz NOT NULL,
    seen_at    timestamptz,
    show_at    timestamptz,
    hide_at    timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);
CREATE INDEX ON memory (owner_id);

CREATE TABLE memory_asset (
    id        uuid NOT NULL GENERATED ALWAYS AS (key_of(memory_id, asset_id::text)) STORED,
    memory_id uuid NOT NULL REFERENCES memory ON DELETE CASCADE,
    asset_id  uuid NOT NULL REFERENCES asset,
    PRIMARY KEY (memory_id, asset_id)
);
CREATE UNIQUE INDEX ON memory_asset (id);
CREATE INDEX ON memory_asset (asset_id);

CREATE TABLE person (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    owner_id    uuid        NOT NULL REFERENCES "user",
    name        text        NOT NULL DEFAULT '',
    birth_date  date,
    is_hidden   boolean     NOT NULL DEFAULT false,
    is_favorite boolean     NOT NULL DEFAULT false,
    color       text,
    face_id     uuid,  -- whose picture stands for the person
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON person (owner_id);

CREATE TABLE asset_face (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    asset_id     uuid    NOT NULL REFERENCES asset,
    person_id    uuid REFERENCES person ON DELETE SET NULL,
    image_width  integer NOT NULL,  -- of the picture it was found in, pixels
    image_height integer NOT NULL,
    x1           integer NOT NULL,  -- the box around it, pixels of that picture
    y1           integer NOT NULL,
    x2           integer NOT NULL,
    y2           integer NOT NULL,
    source_type  text    NOT NULL,  -- machine-learning, exif, manual
    is_visible   boolean NOT NULL DEFAULT true,
    deleted_at   timestamptz
);
CREATE INDEX ON asset_face (asset_id);
CREATE INDEX ON asset_face (person_id) WHERE person_id IS NOT NULL;
ALTER TABLE person ADD FOREIGN KEY (face_id) REFERENCES asset_face ON DELETE SET NULL;
CREATE INDEX ON person (face_id) WHERE face_id IS NOT NULL;

CREATE TABLE asset_ocr (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    asset_id   uuid    NOT NULL REFERENCES asset,
    corners    float8[] NOT NULL CHECK (cardinality(corners) = 8),  -- x1 y1 to x4 y4, 0 to 1
    box_score  float8  NOT NULL,
    text_score float8  NOT NULL,
    text       text    NOT NULL,
    is_visible boolean NOT NULL DEFAULT true
);
CREATE INDEX ON asset_ocr (asset_id);

CREATE TABLE asset_edit (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    asset_id   uuid    NOT NULL REFERENCES asset,
    action     text    NOT NULL,  -- crop, rotate, mirror
    parameters jsonb   NOT NULL,
    sequence   integer NOT NULL,
    UNIQUE (asset_id, sequence)
);
