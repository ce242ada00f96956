-- Undo activity over time
-- Answers: how many operations were made, undone and redone, and how many undos were refused because somebody else had changed the file.
-- Columns:
--   time        begin of the step
--   metric      apply, undo, redo or conflict
--   operations  operations moved; of conflict: calls refused
-- Window: the last 6 hours, in at most 180 steps of whole minutes.
-- Reads: spark.rollup_operations_minute, spark.rollup_calls_minute
-- Fast because: both have one row a minute and kind, found by the primary key.
WITH step AS MATERIALIZED (
  SELECT make_interval(mins => greatest(1, ceil(extract(epoch FROM now() - (now() - interval '6 hours')) / 60 / 180))::int) AS width
), moved AS (
  SELECT minute, direction AS metric, operations
  FROM spark.rollup_operations_minute
  WHERE minute >= now() - interval '6 hours' AND minute <= now()
  UNION ALL
  SELECT minute, 'conflict', calls
  FROM spark.rollup_calls_minute
  WHERE minute >= now() - interval '6 hours' AND minute <= now()
    AND name IN ('undo', 'redo', 'rollback') AND outcome = 'conflict'
)
SELECT date_bin(width, minute, timestamptz 'epoch') AS time, metric, sum(operations)::bigint AS operations
FROM moved, step
GROUP BY 1, 2
ORDER BY 1, 2;
