-- lock_asset -> row?
-- Whose it is; held until commit, so that what is found of it cannot outlive it.
SELECT asset.owner_id FROM asset WHERE asset.id = %(asset_id)s FOR UPDATE;

-- delete_texts -> rows
DELETE FROM asset_ocr WHERE asset_id = ANY(%(asset_ids)s) RETURNING id;

-- insert_texts -> rows
-- `corners` holds eight numbers for each.
INSERT INTO asset_ocr (asset_id, corners, box_score, text_score, text)
SELECT %(asset_id)s, (%(corners)s::float8[])[8 * found.number - 7 : 8 * found.number],
       found.box_score, found.text_score, found.text
  FROM unnest(%(box_scores)s::float8[], %(text_scores)s::float8[], %(texts)s::text[])
       WITH ORDINALITY AS found (box_score, text_score, text, number)
RETURNING id;
