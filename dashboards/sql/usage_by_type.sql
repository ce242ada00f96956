-- Token usage and cost by command
-- Answers: what was used up for which type of command, by which model; the dearest first.
-- Columns:
--   command_type   type of the command that used it, or that reported it
--   model          model
--   reports        how often usage was told
--   input_tokens   tokens
--   output_tokens  tokens
--   cost_usd       US dollars as they were told; 0 where nobody knows
-- Window: the last 24 hours, by whole hours.
-- Reads: spark.rollup_usage_hour
-- Fast because: one row an hour, model and type of command, found by the primary key.
SELECT command_type, model,
       sum(reports)::bigint AS reports,
       sum(input_tokens) AS input_tokens,
       sum(output_tokens) AS output_tokens,
       sum(cost_usd) AS cost_usd
FROM spark.rollup_usage_hour
WHERE hour >= date_trunc('hour', now() - interval '24 hours') AND hour <= now()
GROUP BY command_type, model
ORDER BY cost_usd DESC, input_tokens DESC, command_type, model;
