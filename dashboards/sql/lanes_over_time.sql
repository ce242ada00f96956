-- Commands ended by editor
-- Answers: how much each editor got done, step by step.
-- Columns:
--   time        begin of the step
--   metric      Unity editor
--   per_minute  commands that ended, a minute
-- Window: the last hour, in at most 180 steps of whole minutes.
-- Reads: spark.rollup_lanes_minute
-- Fast because: one row a minute and editor, found by the primary key.
WITH step AS MATERIALIZED (
  SELECT greatest(1, ceil(extract(epoch FROM now() - (now() - interval '1 hour')) / 60 / 180))::int AS minutes
)
SELECT date_bin(make_interval(mins => minutes), minute, timestamptz 'epoch') AS time, editor AS metric,
       round(sum(ended::integer)::numeric / minutes, 2) AS per_minute
FROM spark.rollup_lanes_minute, step
WHERE minute >= now() - interval '1 hour' AND minute <= now()
GROUP BY 1, 2, minutes
ORDER BY 1, 2;
