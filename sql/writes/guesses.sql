-- spend -> row?
-- Use up one guess under a name; no row where none is left.
INSERT INTO guess (name, rest, at)
VALUES (%(name)s, %(size)s::float8 - 1, now())
    ON CONFLICT (name) DO UPDATE
   SET rest = least(%(size)s::float8,
                    guess.rest + extract(epoch FROM now() - guess.at) / %(refill_seconds)s::float8) - 1,
       at = now()
 WHERE guess.rest + extract(epoch FROM now() - guess.at) / %(refill_seconds)s::float8 >= 1
RETURNING guess.name;

-- give_back -> count
-- It was right, and so no guess.
UPDATE guess SET rest = rest + 1 WHERE name = %(name)s;

-- forget -> count
-- Those that were long ago: all of them are allowed again.
DELETE FROM guess WHERE at < now() - %(age)s::interval;
