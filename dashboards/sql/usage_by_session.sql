-- Token usage and cost by session
-- Answers: which ten sessions cost most.
-- Columns:
--   session_id     session
--   reports        how often usage was told
--   input_tokens   tokens
--   output_tokens  tokens
--   cost_usd       US dollars as they were told; 0 where nobody knows
-- Window: the last 24 hours.
-- Reads: spark.spark_usage
-- Fast because: one row a report (not an event), partitioned by day and found by time.
SELECT session_id, count(*) AS reports,
       sum(input_tokens) AS input_tokens,
       sum(output_tokens) AS output_tokens,
       coalesce(sum(cost_usd), 0) AS cost_usd
FROM spark.spark_usage
WHERE ts >= now() - interval '24 hours' AND ts <= now()
GROUP BY session_id
ORDER BY cost_usd DESC, input_tokens DESC, session_id
LIMIT 10;
