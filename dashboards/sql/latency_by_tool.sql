-- Latency by tool
-- Answers: how long calls took, from intent to outcome, tool by tool; the slowest first.
-- Columns:
--   name    tool, as in spark_function_calls.name
--   calls   calls with a duration
--   p50_ms  milliseconds; half of the calls took no longer
--   p95_ms  milliseconds; 95 of 100 calls took no longer
--   p99_ms  milliseconds; 99 of 100 calls took no longer
-- Window: the last hour, by slices of 5 minutes; of up to 36 minutes: by whole minutes.
-- Reads: spark.rollup_latency_5min, spark.rollup_latency_minute
-- Fast because: calls are counted by slice and by buckets of duration at most 7 % wide (so much may a value be off), not kept one by one.
WITH short AS MATERIALIZED (
  SELECT now() - (now() - interval '1 hour') <= interval '36 minutes' AS is_so
), histogram AS (
  SELECT name, bucket, sum(calls::integer)::float8 AS calls
  FROM (
    SELECT name, bucket, calls FROM spark.rollup_latency_5min
    WHERE NOT (SELECT is_so FROM short)
      AND slice >= date_bin('5 minutes', now() - interval '1 hour', timestamptz 'epoch') AND slice <= now()
    UNION ALL
    SELECT name, bucket, calls FROM spark.rollup_latency_minute
    WHERE (SELECT is_so FROM short) AND minute >= now() - interval '1 hour' AND minute <= now()
  ) AS counted
  GROUP BY name, bucket
), ranked AS (
  SELECT name, bucket,
         sum(calls) OVER (PARTITION BY name ORDER BY bucket ROWS UNBOUNDED PRECEDING) AS upto,
         sum(calls) OVER (PARTITION BY name) AS total
  FROM histogram
)
SELECT name, max(total)::bigint AS calls,
       spark.latency_bucket_ms(min(bucket) FILTER (WHERE 100 * upto >= 50 * total)) AS p50_ms,
       spark.latency_bucket_ms(min(bucket) FILTER (WHERE 100 * upto >= 95 * total)) AS p95_ms,
       spark.latency_bucket_ms(min(bucket) FILTER (WHERE 100 * upto >= 99 * total)) AS p99_ms
FROM ranked
GROUP BY name
ORDER BY p95_ms DESC, name;
