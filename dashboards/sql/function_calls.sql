-- Function calls
-- Answers: which tools were called how often, how it ended, and how long it took on average.
-- Columns:
--   name     tool, as in spark_function_calls.name
--   outcome  completed, failed, conflict, outcome_unknown, cancelled or expired
--   calls    calls that ended so
--   mean_ms  milliseconds, of the calls whose duration is known; null where none is
-- Window: the last hour, by whole minutes.
-- Reads: spark.rollup_calls_minute
-- Fast because: counts and sums of durations are kept by minute; a mean is one division.
SELECT name, outcome, sum(calls)::bigint AS calls,
       round(sum(duration_us_sum) / nullif(sum(timed), 0) / 1000, 3) AS mean_ms
FROM spark.rollup_calls_minute
WHERE minute >= now() - interval '1 hour' AND minute <= now()
GROUP BY name, outcome
ORDER BY name, outcome;
