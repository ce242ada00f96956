-- Preview success
-- Answers: of the previews that ended in the window, how many were taken.
-- Columns:
--   success_rate_percent  0 to 100; null when none ended
--   taken                 previews that were completed, from the cache too
--   ended                 previews that ended, however they did
-- Window: the last hour, by whole minutes.
-- Reads: spark.rollup_calls_minute
-- Fast because: a handful of rows a minute, found by the primary key, however many previews they count.
SELECT round(100.0 * coalesce(sum(calls) FILTER (WHERE outcome = 'completed'), 0) / nullif(sum(calls), 0), 2) AS success_rate_percent,
       coalesce(sum(calls) FILTER (WHERE outcome = 'completed'), 0)::bigint AS taken,
       coalesce(sum(calls), 0)::bigint AS ended
FROM spark.rollup_calls_minute
WHERE name = 'render_unity_preview' AND minute >= now() - interval '1 hour' AND minute <= now();
