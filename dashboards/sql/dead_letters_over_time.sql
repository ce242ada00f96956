-- Dead letters over time
-- Answers: whether dead letters grow: how many were written, step by step, by reason.
-- Columns:
--   time     begin of the step
--   metric   why they are dead letters
--   letters  letters written in the step, whatever became of them since
-- Window: the last 24 hours, in at most 180 steps of whole minutes.
-- Reads: spark.spark_dead_letters
-- Fast because: one row a letter, by an index on when it was written.
WITH step AS MATERIALIZED (
  SELECT make_interval(mins => greatest(1, ceil(extract(epoch FROM now() - (now() - interval '24 hours')) / 60 / 180))::int) AS width
)
SELECT date_bin(width, ts, timestamptz 'epoch') AS time, reason AS metric, count(*) AS letters
FROM spark.spark_dead_letters, step
WHERE ts >= now() - interval '24 hours' AND ts <= now()
GROUP BY 1, 2
ORDER BY 1, 2;
