-- Ten slowest sessions
-- Answers: whose calls took longest on average.
-- Columns:
--   session_id  session
--   mean_ms     milliseconds a call, of those whose duration is known
--   max_ms      milliseconds of its slowest call
--   total_ms    milliseconds of all its calls together
--   calls       its calls that ended in the window
-- Window: the last hour, by slices of 5 minutes.
-- Reads: spark.rollup_sessions_5min
-- Fast because: one row a session and slice of 5 minutes, found by the primary key.
SELECT session_id,
       round(sum(call_us_sum) / sum(timed) / 1000, 3) AS mean_ms,
       round(max(call_us_max) / 1000.0, 3) AS max_ms,
       round(sum(call_us_sum) / 1000.0, 3) AS total_ms,
       sum(calls)::bigint AS calls
FROM spark.rollup_sessions_5min
WHERE slice >= date_bin(interval '5 minutes', now() - interval '1 hour', timestamptz 'epoch') AND slice <= now()
GROUP BY session_id
HAVING sum(timed) > 0
ORDER BY mean_ms DESC, session_id
LIMIT 10;
