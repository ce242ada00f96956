-- Preview cache hit rate
-- Answers: how many of the previews that were taken came from the cache, so that no editor was asked.
-- Columns:
--   hit_rate_percent  0 to 100; null when none was taken
--   hits              previews from the cache
--   misses            previews the editor took
-- Window: the last hour, by whole minutes.
-- Reads: spark.rollup_previews_minute
-- Fast because: at most a row a minute, mode and answer, found by the primary key.
SELECT round(100.0 * coalesce(sum(previews) FILTER (WHERE cached), 0) / nullif(sum(previews), 0), 2) AS hit_rate_percent,
       coalesce(sum(previews) FILTER (WHERE cached), 0)::bigint AS hits,
       coalesce(sum(previews) FILTER (WHERE NOT cached), 0)::bigint AS misses
FROM spark.rollup_previews_minute
WHERE minute >= now() - interval '1 hour' AND minute <= now();
