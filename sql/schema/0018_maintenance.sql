-- What was found amiss between rows and files, for an administrator to decide about.
CREATE TABLE integrity_report (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    type       text NOT NULL,  -- missing_file, untracked_file, checksum_mismatch
    key        text NOT NULL,  -- of the file, below the data folder
    asset_id   uuid REFERENCES asset ON DELETE CASCADE,       -- whose original it is, or
    file_id    uuid REFERENCES asset_file ON DELETE CASCADE,  -- which other file of an asset
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (type, key)
);
CREATE INDEX ON integrity_report (type, id);
CREATE INDEX ON integrity_report (asset_id);
CREATE INDEX ON integrity_report (file_id);
