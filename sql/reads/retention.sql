-- has_forgotten -> value
-- Whether there are tombstones that nobody needs.
SELECT EXISTS (SELECT 1 FROM state
                WHERE state.is_gone
                  AND state.pos <= (SELECT log_floor.pos FROM log_floor)) AS has_forgotten;
