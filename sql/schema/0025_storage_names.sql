-- Where the storage template puts originals. A name is one asset's from before its file is there
-- until that is gone again, so nobody ever finds another's file in his place.

CREATE TABLE storage_name (
    fold         bytea       PRIMARY KEY,  -- the same for all that a disk may take for this name
    key          text        NOT NULL,     -- below the data folder; a sidecar's is this and .xmp
    asset_id     uuid REFERENCES asset ON DELETE SET NULL,
    state        text        NOT NULL,  -- reserved: its file is on its way; settled; left: no more
    with_sidecar boolean     NOT NULL,
    at           timestamptz NOT NULL DEFAULT now()  -- when it came into its state
);
CREATE INDEX ON storage_name (asset_id);
CREATE INDEX storage_name_unsettled ON storage_name (at)
    WHERE state <> 'settled' OR asset_id IS NULL;
