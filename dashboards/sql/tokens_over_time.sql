-- Token usage over time
-- Answers: how many tokens each model used up, hour by hour.
-- Columns:
--   time           begin of the hour
--   metric         model
--   input_tokens   tokens
--   output_tokens  tokens
-- Window: the last 24 hours, by whole hours.
-- Reads: spark.rollup_usage_hour
-- Fast because: one row an hour, model and type of command, found by the primary key.
SELECT hour AS time, model AS metric,
       sum(input_tokens) AS input_tokens,
       sum(output_tokens) AS output_tokens
FROM spark.rollup_usage_hour
WHERE hour >= date_trunc('hour', now() - interval '24 hours') AND hour <= now()
GROUP BY hour, model
ORDER BY hour, model;
