-- get_rest -> row
-- How much was left under a name when somebody last guessed, and how long ago that is.
SELECT guess.rest, extract(epoch FROM now() - guess.at)::float8 AS age_seconds
  FROM guess
 WHERE guess.name = %(name)s;
