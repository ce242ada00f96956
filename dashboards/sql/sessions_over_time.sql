-- Active sessions over time
-- Answers: in how many sessions something happened, step by step.
-- Columns:
--   time      begin of the step
--   sessions  sessions with an event in the step
-- Window: the last 6 hours, in at most 144 steps of 5 minutes or a multiple of that.
-- Reads: spark.rollup_sessions_5min
-- Fast because: one row a session and slice of 5 minutes: up to 12 hours they are counted as they lie in the primary key, beyond that
--   sessions are told apart.
WITH step AS MATERIALIZED (
  SELECT make_interval(mins => 5 * greatest(1, ceil(extract(epoch FROM now() - (now() - interval '6 hours')) / 300 / 144))::int) AS width
)
SELECT slice AS time, count(*) AS sessions
FROM spark.rollup_sessions_5min
WHERE (SELECT width FROM step) = interval '5 minutes'
  AND slice >= date_bin(interval '5 minutes', now() - interval '6 hours', timestamptz 'epoch') AND slice <= now()
GROUP BY slice
UNION ALL
SELECT time, count(*)
FROM (
  SELECT DISTINCT date_bin(width, slice, timestamptz 'epoch') AS time, session_id
  FROM spark.rollup_sessions_5min, step
  WHERE (SELECT width FROM step) > interval '5 minutes'
    AND slice >= date_bin(interval '5 minutes', now() - interval '6 hours', timestamptz 'epoch') AND slice <= now()
) AS active
GROUP BY time
ORDER BY time;
