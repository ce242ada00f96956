-- Latency over time
-- Answers: how the 95th percentile of each tool's calls moved.
-- Columns:
--   time    begin of the step
--   metric  tool, as in spark_function_calls.name
--   p95_ms  milliseconds; 95 of 100 calls of the step took no longer
-- Window: the last hour, in at most 36 steps of whole minutes.
-- Reads: spark.rollup_latency_minute
-- Fast because: it adds up counts by minute and bucket (at most 7 % wide), never calls.
WITH step AS MATERIALIZED (
  SELECT make_interval(mins => greatest(1, ceil(extract(epoch FROM now() - (now() - interval '1 hour')) / 60 / 36))::int) AS width
), histogram AS (
  SELECT date_bin(width, minute, timestamptz 'epoch') AS time, name, bucket, sum(calls::integer)::float8 AS calls
  FROM spark.rollup_latency_minute, step
  WHERE minute >= now() - interval '1 hour' AND minute <= now()
  GROUP BY 1, 2, 3
), ranked AS (
  SELECT time, name, bucket,
         sum(calls) OVER (PARTITION BY time, name ORDER BY bucket ROWS UNBOUNDED PRECEDING) AS upto,
         sum(calls) OVER (PARTITION BY time, name) AS total
  FROM histogram
)
SELECT time, name AS metric, spark.latency_bucket_ms(min(bucket) FILTER (WHERE 100 * upto >= 95 * total)) AS p95_ms
FROM ranked
GROUP BY time, name
ORDER BY time, name;
