-- Latency over time
-- Answers: how the 95th percentile of each tool's calls moved.
-- Columns:
--   time    begin of the step
--   metric  tool, as in spark_function_calls.name
--   p95_ms  milliseconds; 95 of 100 calls of the step took no longer
-- Window: the last hour, in at most 36 steps and one: of slices of 5 minutes; of up to 36 minutes: by whole minutes.
-- Reads: spark.rollup_calls_minute, spark.rollup_latency_5min, spark.rollup_latency_minute
-- Fast because: how many calls a step has is known from few rows; then its buckets are read from the slowest down, until 5 of 100 calls are passed.
WITH span AS MATERIALIZED (
  SELECT minutes = 1 AS short, make_interval(mins => minutes) AS width, date_bin(grain, begins, timestamptz 'epoch') AS begins,
         date_bin(grain, ends, timestamptz 'epoch') + grain AS ends
  FROM (SELECT now() - interval '1 hour' AS begins, now()::timestamptz AS ends) AS asked,
       LATERAL (SELECT extract(epoch FROM ends - begins) / 60 AS length) AS counted,
       LATERAL (SELECT CASE WHEN length <= 36 THEN 1 ELSE 5 * ceil(length / 5 / 36)::int END AS minutes) AS chosen,
       LATERAL (SELECT make_interval(mins => least(minutes, 5)) AS grain) AS cut
), ended AS (
  SELECT date_bin(span.width, minute, timestamptz 'epoch') AS time, name, sum(timed::integer) AS calls
  FROM spark.rollup_calls_minute, span
  WHERE minute >= (SELECT begins FROM span) AND minute < (SELECT ends FROM span)
  GROUP BY 1, 2
)
SELECT time, name AS metric, spark.latency_bucket_ms(slow.bucket) AS p95_ms
FROM ended CROSS JOIN span CROSS JOIN LATERAL (
  SELECT bucket
  FROM (
    SELECT bucket, sum(calls::integer) OVER (ORDER BY bucket DESC ROWS UNBOUNDED PRECEDING) AS calls
    FROM (
      SELECT bucket, calls FROM spark.rollup_latency_5min
      WHERE NOT span.short AND slice >= greatest(ended.time, span.begins) AND slice < least(ended.time + span.width, span.ends)
        AND name = ended.name
      UNION ALL
      SELECT bucket, calls FROM spark.rollup_latency_minute WHERE span.short AND minute = ended.time AND name = ended.name
    ) AS buckets
  ) AS from_the_slowest
  WHERE 100 * from_the_slowest.calls > 5 * ended.calls
  ORDER BY bucket DESC
  LIMIT 1
) AS slow
ORDER BY time, metric;
