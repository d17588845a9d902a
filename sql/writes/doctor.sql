-- note_stream -> none
-- How a stream went. Nobody waits for the disk: it is told for people to read.
-- nullable: problem, searched
WITH cheap AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', true) AS setting
)
UPDATE sync_copy
   SET streamed_at = now(), line_count = %(line_count)s, byte_count = %(byte_count)s,
       seconds = %(seconds)s, problem = %(problem)s, cursors = %(cursors)s,
       searched = %(searched)s
  FROM cheap
 WHERE sync_copy.session_id = %(session_id)s;
