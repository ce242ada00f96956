-- Error rate over time
-- Answers: how each tool's share of calls that were not completed moved.
-- Columns:
--   time                begin of the step
--   metric              tool, as in spark_function_calls.name
--   error_rate_percent  0 to 100, of the calls that ended in the step
-- Window: the last hour, in at most 180 steps of whole minutes.
-- Reads: spark.rollup_calls_minute
-- Fast because: one row a minute, tool and kind of end, found by the primary key.
WITH step AS MATERIALIZED (
  SELECT make_interval(mins => greatest(1, ceil(extract(epoch FROM now() - (now() - interval '1 hour')) / 60 / 180))::int) AS width
)
SELECT date_bin(width, minute, timestamptz 'epoch') AS time, name AS metric,
       round(100.0 * coalesce(sum(calls) FILTER (WHERE outcome <> 'completed'), 0) / sum(calls), 2) AS error_rate_percent
FROM spark.rollup_calls_minute, step
WHERE minute >= now() - interval '1 hour' AND minute <= now()
GROUP BY 1, 2
HAVING sum(calls) > 0
ORDER BY 1, 2;
