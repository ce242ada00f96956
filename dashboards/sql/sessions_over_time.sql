-- Active sessions over time
-- Answers: in how many sessions something happened, step by step.
-- Columns:
--   time      begin of the step
--   sessions  sessions with an event in the step
-- Window: the last 6 hours, in at most 144 steps of 5 minutes or a multiple of that.
-- Reads: spark.rollup_sessions_5min
-- Fast because: one row a session and slice of 5 minutes, counted from the primary key.
WITH step AS MATERIALIZED (
  SELECT make_interval(mins => 5 * greatest(1, ceil(extract(epoch FROM now() - (now() - interval '6 hours')) / 300 / 144))::int) AS width
)
SELECT date_bin(width, slice, timestamptz 'epoch') AS time, count(DISTINCT session_id) AS sessions
FROM spark.rollup_sessions_5min, step
WHERE slice >= date_bin(interval '5 minutes', now() - interval '6 hours', timestamptz 'epoch') AND slice <= now()
GROUP BY 1
ORDER BY 1;
