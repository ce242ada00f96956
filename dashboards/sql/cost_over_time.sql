-- Cost over time
-- Answers: what each model cost, hour by hour.
-- Columns:
--   time      begin of the hour
--   metric    model
--   cost_usd  US dollars as they were told; 0 where nobody knows
-- Window: the last 24 hours, by whole hours.
-- Reads: spark.rollup_usage_hour
-- Fast because: one row an hour, model and type of command, found by the primary key.
SELECT hour AS time, model AS metric,
       sum(cost_usd) AS cost_usd
FROM spark.rollup_usage_hour
WHERE hour >= date_trunc('hour', now() - interval '24 hours') AND hour <= now()
GROUP BY hour, model
ORDER BY hour, model;
