-- How often people are to be seen in the timeline: counted as it changes, not as it is looked at.

-- How many visible faces of a person came into the timeline, or left it: the sum is how many are
-- there. Whoever changes faces or assets only adds rows here, so none waits for another.
CREATE TABLE person_count (
    owner_id  uuid   NOT NULL,
    person_id uuid   NOT NULL,
    amount    bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
CREATE INDEX ON person_count (owner_id);

INSERT INTO person_count
SELECT asset.owner_id, face.person_id, count(*)
  FROM asset_face AS face
  JOIN asset ON asset.id = face.asset_id
 WHERE face.person_id IS NOT NULL AND face.is_visible AND face.deleted_at IS NULL
   AND asset.visibility = 'timeline' AND asset.deleted_at IS NULL
 GROUP BY 1, 2;

-- Whoever changes a face holds its asset, so nobody moves that in or out of the timeline meanwhile.
CREATE FUNCTION count_faces() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO person_count
        SELECT asset.owner_id, face.person_id, count(*)
          FROM added AS face
          JOIN asset ON asset.id = face.asset_id
         WHERE face.person_id IS NOT NULL AND face.is_visible AND face.deleted_at IS NULL
           AND asset.visibility = 'timeline' AND asset.deleted_at IS NULL
         GROUP BY 1, 2;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO person_count
        SELECT asset.owner_id, face.person_id, -count(*)
          FROM removed AS face
          JOIN asset ON asset.id = face.asset_id
         WHERE face.person_id IS NOT NULL AND face.is_visible AND face.deleted_at IS NULL
           AND asset.visibility = 'timeline' AND asset.deleted_at IS NULL
         GROUP BY 1, 2;
    ELSE
        INSERT INTO person_count
        SELECT asset.owner_id, face.person_id, sum(face.amount)
          FROM (SELECT 1 AS amount, asset_id, person_id, is_visible, deleted_at FROM added
                 UNION ALL
                SELECT -1, asset_id, person_id, is_visible, deleted_at FROM removed) AS face
          JOIN asset ON asset.id = face.asset_id
         WHERE face.person_id IS NOT NULL AND face.is_visible AND face.deleted_at IS NULL
           AND asset.visibility = 'timeline' AND asset.deleted_at IS NULL
         GROUP BY 1, 2
        HAVING sum(face.amount) <> 0;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER faces_are_counted AFTER INSERT ON asset_face
   REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_faces();
CREATE TRIGGER faces_are_counted_again AFTER UPDATE ON asset_face
   REFERENCING NEW TABLE AS added OLD TABLE AS removed
   FOR EACH STATEMENT EXECUTE FUNCTION count_faces();
CREATE TRIGGER faces_are_discounted AFTER DELETE ON asset_face
   REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION count_faces();

CREATE FUNCTION count_faces_of_asset() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO person_count
    SELECT NEW.owner_id, face.person_id,
           CASE WHEN NEW.visibility = 'timeline' AND NEW.deleted_at IS NULL THEN count(*)
                ELSE -count(*) END
      FROM asset_face AS face
     WHERE face.asset_id = NEW.id
       AND face.person_id IS NOT NULL AND face.is_visible AND face.deleted_at IS NULL
     GROUP BY face.person_id;
    RETURN NULL;
END $$;
CREATE TRIGGER faces_move_with_their_asset AFTER UPDATE OF visibility, deleted_at ON asset
   FOR EACH ROW WHEN ((NEW.visibility = 'timeline' AND NEW.deleted_at IS NULL)
                   <> (OLD.visibility = 'timeline' AND OLD.deleted_at IS NULL))
   EXECUTE FUNCTION count_faces_of_asset();

-- One row for each person of an owner again. Not if another is at it: that one must not be waited
-- for until its transaction ends.
CREATE FUNCTION merge_person_counts(owner uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF pg_try_advisory_xact_lock(hashtext('heliograph.people'), hashtext(owner::text)) THEN
        WITH merged AS (DELETE FROM person_count WHERE owner_id = owner RETURNING *)
        INSERT INTO person_count
        SELECT owner_id, person_id, sum(amount)
          FROM merged
         GROUP BY 1, 2
        HAVING sum(amount) <> 0;
    END IF;
END $$;

-- Chance tells when to merge: it needs no counter, which all writers would have to touch.
CREATE FUNCTION merge_people_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM merge_person_counts(NEW.owner_id);
    RETURN NULL;
END $$;
CREATE TRIGGER person_counts_are_merged AFTER INSERT ON person_count
   FOR EACH ROW WHEN (random() < 0.001 AND pg_trigger_depth() = 1)
   EXECUTE FUNCTION merge_people_counted();
