-- pages -> rows
-- A page ends with a whole position. A line acks the position before its own, which is complete
-- when it is applied; the stream lets the last line of all ack the head.
SELECT wanted.number::integer AS number, page.lines, page.upto, page.line_count >= %(limit)s AS is_full
  FROM (
    SELECT asked.kind, asked.scope, asked.is_gone, asked.after, asked.number,
           concat('{"type":"', asked.type, '","data":') AS head,
           concat('{"', asked.field, '":"') AS naming,
           concat(',"ack":"', asked.ack) AS tail
      FROM ROWS FROM (
               unnest(%(kind)s::text[]), unnest(%(scope)s::uuid[]), unnest(%(is_gone)s::boolean[]),
               unnest(%(type)s::text[]), unnest(%(field)s::text[]), unnest(%(ack)s::text[]),
               unnest(%(after)s::bigint[])
           ) WITH ORDINALITY AS asked (kind, scope, is_gone, type, field, ack, after, number)
    OFFSET 0  -- computed once for each wanted, not once for each line
  ) AS wanted
 CROSS JOIN LATERAL (
    SELECT string_agg(
               concat(wanted.head,
                      coalesce(line.data, line.gone, concat(wanted.naming, line.key, '"}')),
                      wanted.tail, line.pos - 1, E'"}\n'), '') AS lines,
           max(line.pos) AS upto,
           count(*) AS line_count
      FROM (
        SELECT state.pos, state.key, state.data, state.gone
          FROM state
         WHERE state.kind = wanted.kind
           AND state.scope = wanted.scope
           AND state.is_gone = wanted.is_gone
           AND state.pos > wanted.after
         ORDER BY state.pos
         FETCH FIRST %(limit)s ROWS WITH TIES
      ) AS line
  ) AS page
 WHERE page.line_count > 0
 ORDER BY wanted.number
