-- try_turn -> value
-- Ours until the session ends, if nobody else has it.
SELECT pg_try_advisory_lock(hashtext('heliograph.turn'), hashtext(%(name)s)) AS is_ours;
