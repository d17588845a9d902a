-- try_turn -> value
-- Ours until the session ends, if nobody else has it.
SELECT pg_try_advisory_lock(hashtext('heliograph.turn'), hashtext(%(name)s)) AS is_ours;

-- count_from_now -> none
INSERT INTO timetable (name, expression, begun_at) VALUES (%(name)s, %(expression)s, now())
    ON CONFLICT (name) DO UPDATE SET expression = excluded.expression, begun_at = excluded.begun_at;

-- begin -> count
-- Zero when another process was first.
UPDATE timetable SET begun_at = now()
 WHERE timetable.name = %(name)s AND timetable.begun_at = %(begun_at)s;
