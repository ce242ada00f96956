-- Newest open dead letters
-- Answers: the last twenty letters that wait for somebody to redrive or drop them.
-- Columns:
--   ts          when it was written
--   source      stream (of spark.dlq) or projector (an event that could not be projected)
--   id          its number there: what `spark dlq show` takes
--   reason      why it is a dead letter
--   type        type of the command, where it is known
--   session_id  session, where it is known
--   editor      Unity editor, where it is known
--   attempts    attempts that were made
--   last_error  what the last one said
-- Window: always now: the newest that are open.
-- Reads: spark.spark_dead_letters
-- Fast because: an open letter is in a partial index; there are few.
SELECT ts, source, id, reason, type, session_id, editor, attempts, last_error
FROM spark.spark_dead_letters
WHERE state = 'open'
ORDER BY ts DESC, source, id DESC
LIMIT 20;
