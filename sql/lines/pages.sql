-- pages -> rows
-- A page ends with a whole position. Where `ack` ends in a dot, a line acks the position before its
-- own, which is complete when it is applied; what comes behind that position is `tail`.
SELECT wanted.number::integer AS number, page.lines, page.upto, page.line_count >= %(limit)s AS is_full
  FROM (
    SELECT asked.shape, asked.kind, asked.scope, asked.is_gone, asked.after, asked.below,
           asked.until, asked.number, asked.type, asked.naming,
           concat(',"ack":"', asked.ack) AS ack, concat(asked.tail, E'"}\n') AS tail,
           right(asked.ack, 1) = '.' AS is_counting
      FROM ROWS FROM (
               unnest(%(shape)s::text[]), unnest(%(kind)s::text[]), unnest(%(scope)s::uuid[]),
               unnest(%(is_gone)s::boolean[]), unnest(%(type)s::text[]),
               unnest(%(naming)s::text[]), unnest(%(ack)s::text[]), unnest(%(tail)s::text[]),
               unnest(%(after)s::bigint[]), unnest(%(below)s::smallint[]),
               unnest(%(until)s::bigint[])
           ) WITH ORDINALITY AS asked (shape, kind, scope, is_gone, type, naming, ack, tail, after,
                                       below, until, number)
    OFFSET 0  -- computed once for each wanted, not once for each line
  ) AS wanted
 CROSS JOIN LATERAL (
    SELECT string_agg(
               concat('{"type":"', line.type, '","data":', line.data, wanted.ack,
                      CASE WHEN wanted.is_counting THEN line.pos - 1 END, wanted.tail), '') AS lines,
           max(line.pos) AS upto,
           count(*) AS line_count
      FROM (
        {shapes}
      ) AS line
  ) AS page
 WHERE page.line_count > 0
 ORDER BY wanted.number
