-- Function-call success
-- Answers: of all calls of all tools that ended in the window, how many were completed.
-- Columns:
--   success_rate_percent  0 to 100; null when none ended
--   succeeded             calls that were completed
--   ended                 calls that ended, however they did
-- Window: the last hour, by whole minutes.
-- Reads: spark.rollup_calls_minute
-- Fast because: one row a minute, tool and kind of end, found by the primary key.
SELECT round(100.0 * coalesce(sum(calls) FILTER (WHERE outcome = 'completed'), 0) / nullif(sum(calls), 0), 2) AS success_rate_percent,
       coalesce(sum(calls) FILTER (WHERE outcome = 'completed'), 0)::bigint AS succeeded,
       coalesce(sum(calls), 0)::bigint AS ended
FROM spark.rollup_calls_minute
WHERE minute >= now() - interval '1 hour' AND minute <= now();
