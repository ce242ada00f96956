-- Preview cache over time
-- Answers: how the share of previews from the cache moved, by mode.
-- Columns:
--   time              begin of the step
--   metric            mode: fast or quality
--   hit_rate_percent  0 to 100, of the previews taken in the step
-- Window: the last hour, in at most 180 steps of whole minutes.
-- Reads: spark.rollup_previews_minute
-- Fast because: at most a row a minute, mode and answer, found by the primary key.
WITH step AS MATERIALIZED (
  SELECT make_interval(mins => greatest(1, ceil(extract(epoch FROM now() - (now() - interval '1 hour')) / 60 / 180))::int) AS width
)
SELECT date_bin(width, minute, timestamptz 'epoch') AS time, mode AS metric,
       round(100.0 * coalesce(sum(previews) FILTER (WHERE cached), 0) / sum(previews), 2) AS hit_rate_percent
FROM spark.rollup_previews_minute, step
WHERE minute >= now() - interval '1 hour' AND minute <= now()
GROUP BY 1, 2
HAVING sum(previews) > 0
ORDER BY 1, 2;
