-- What the timeline shows month by month, and how much of it: counted as it changes, not as it is
-- looked at.

-- Of a stack's members, all but the one that stands for it. On the asset itself, so that what a
-- timeline shows is told by its row alone.
ALTER TABLE asset ADD is_covered boolean NOT NULL DEFAULT false;
UPDATE asset SET is_covered = true
  FROM stack
 WHERE stack.id = asset.stack_id AND stack.primary_asset_id <> asset.id;

CREATE INDEX ON asset (owner_id, local_date_time);
CREATE INDEX ON asset (owner_id, created_at);

-- Whoever stacks holds the library, so nobody changes who stands for a stack meanwhile.
CREATE FUNCTION cover_asset() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.is_covered := EXISTS (
        SELECT FROM stack WHERE id = NEW.stack_id AND primary_asset_id <> NEW.id);
    RETURN NEW;
END $$;
CREATE TRIGGER asset_is_added_to_a_stack BEFORE INSERT ON asset
   FOR EACH ROW WHEN (NEW.stack_id IS NOT NULL) EXECUTE FUNCTION cover_asset();
CREATE TRIGGER asset_changes_its_stack BEFORE UPDATE OF stack_id ON asset
   FOR EACH ROW WHEN (NEW.stack_id IS DISTINCT FROM OLD.stack_id) EXECUTE FUNCTION cover_asset();

CREATE FUNCTION cover_members() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE asset
       SET is_covered = id <> NEW.primary_asset_id
     WHERE stack_id = NEW.id AND is_covered <> (id <> NEW.primary_asset_id);
    RETURN NULL;
END $$;
CREATE TRIGGER stack_is_led_by_another AFTER UPDATE OF primary_asset_id ON stack
   FOR EACH ROW WHEN (NEW.primary_asset_id <> OLD.primary_asset_id)
   EXECUTE FUNCTION cover_members();

-- How many assets came to a place, or left it: the sum is how many are there. Whoever changes
-- assets only adds rows here, so none waits for another.
CREATE TABLE timeline_count (
    owner_id    uuid    NOT NULL,
    order_by    text    NOT NULL,  -- which date the month is of: takenAt, createdAt
    month       date    NOT NULL,
    visibility  text    NOT NULL,
    is_trashed  boolean NOT NULL,
    is_favorite boolean NOT NULL,
    is_covered  boolean NOT NULL,
    amount      bigint  NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
CREATE INDEX ON timeline_count (owner_id);

CREATE FUNCTION months_of(taken timestamp, uploaded timestamptz)
RETURNS TABLE (order_by text, month date) LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    VALUES ('takenAt', date_trunc('month', taken)::date),
           ('createdAt', date_trunc('month', uploaded AT TIME ZONE 'UTC')::date);
END;

INSERT INTO timeline_count
SELECT owner_id, dated.order_by, dated.month, visibility, deleted_at IS NOT NULL, is_favorite,
       is_covered, count(*)
  FROM asset, months_of(local_date_time, created_at) AS dated
 GROUP BY 1, 2, 3, 4, 5, 6, 7;

CREATE FUNCTION count_timeline() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO timeline_count
        SELECT owner_id, dated.order_by, dated.month, visibility, deleted_at IS NOT NULL,
               is_favorite, is_covered, count(*)
          FROM added, months_of(local_date_time, created_at) AS dated
         GROUP BY 1, 2, 3, 4, 5, 6, 7;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO timeline_count
        SELECT owner_id, dated.order_by, dated.month, visibility, deleted_at IS NOT NULL,
               is_favorite, is_covered, -count(*)
          FROM removed, months_of(local_date_time, created_at) AS dated
         GROUP BY 1, 2, 3, 4, 5, 6, 7;
    ELSE
        INSERT INTO timeline_count
        SELECT owner_id, dated.order_by, dated.month, visibility, deleted_at IS NOT NULL,
               is_favorite, is_covered, sum(amount)
          FROM (SELECT 1 AS amount, owner_id, local_date_time, created_at, visibility, deleted_at,
                       is_favorite, is_covered
                  FROM added
                 UNION ALL
                SELECT -1, owner_id, local_date_time, created_at, visibility, deleted_at,
                       is_favorite, is_covered
                  FROM removed) AS moved,
               months_of(local_date_time, created_at) AS dated
         GROUP BY 1, 2, 3, 4, 5, 6, 7
        HAVING sum(amount) <> 0;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER assets_are_counted AFTER INSERT ON asset
   REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_timeline();
CREATE TRIGGER assets_are_counted_again AFTER UPDATE ON asset
   REFERENCING NEW TABLE AS added OLD TABLE AS removed
   FOR EACH STATEMENT EXECUTE FUNCTION count_timeline();
CREATE TRIGGER assets_are_discounted AFTER DELETE ON asset
   REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION count_timeline();

-- One row for each place of an owner again. Not if another is at it: that one must not be waited
-- for until its transaction ends.
CREATE FUNCTION merge_timeline_counts(owner uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF pg_try_advisory_xact_lock(hashtext('heliograph.timeline'), hashtext(owner::text)) THEN
        WITH merged AS (DELETE FROM timeline_count WHERE owner_id = owner RETURNING *)
        INSERT INTO timeline_count
        SELECT owner_id, order_by, month, visibility, is_trashed, is_favorite, is_covered,
               sum(amount)
          FROM merged
         GROUP BY 1, 2, 3, 4, 5, 6, 7
        HAVING sum(amount) <> 0;
    END IF;
END $$;

-- A read sums all the rows of an owner, so there may be a thousand or two more than places. Chance
-- tells when to merge: it needs no counter, which all writers would have to touch.
CREATE FUNCTION merge_timeline() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM merge_timeline_counts(NEW.owner_id);
    RETURN NULL;
END $$;
CREATE TRIGGER counts_are_merged AFTER INSERT ON timeline_count
   FOR EACH ROW WHEN (random() < 0.001 AND pg_trigger_depth() = 1)
   EXECUTE FUNCTION merge_timeline();

-- For views of folders.
CREATE FUNCTION folder_of(key text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN substring(key FROM '^(.*)/[^/]*$');
CREATE INDEX ON asset (owner_id, folder_of(original_key));

CREATE INDEX ON asset_exif (latitude, longitude) WHERE latitude IS NOT NULL;
