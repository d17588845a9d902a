-- As what an asset's pictures were made, in words that change with the settings, see sync/forms.py;
-- NULL: nobody knows.
ALTER TABLE asset ADD made_as text;

-- What must be there when a file is served; NULL: nobody knows, 0: it was lost and is made again.
ALTER TABLE asset_file ADD file_bytes bigint;
