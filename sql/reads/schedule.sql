-- find_begun -> row
-- When something was last begun, by which times, and what time it is.
-- nullable: expression, begun_at
SELECT timetable.expression, timetable.begun_at, now() AS now
  FROM (SELECT %(name)s::text AS name) AS asked
  LEFT JOIN timetable ON timetable.name = asked.name;
