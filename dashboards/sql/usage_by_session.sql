-- Token usage and cost by session
-- Answers: which ten sessions cost most.
-- Columns:
--   session_id     session
--   reports        how often usage was told
--   input_tokens   tokens
--   output_tokens  tokens
--   cost_usd       US dollars as they were told; 0 where nobody knows
-- Window: the last 24 hours, by whole hours.
-- Reads: spark.rollup_usage_session, spark.rollup_usage_session_hour
-- Fast because: a session that lies in the window has one row, found by an index on its last hour; only those that reach beyond it are added up by hour.
WITH inside AS (
  SELECT session_id, reports, input_tokens, output_tokens, cost_usd
  FROM spark.rollup_usage_session
  WHERE last_hour >= date_bin('1 hour', now() - interval '24 hours', timestamptz 'epoch') AND last_hour <= now()
    AND first_hour >= date_bin('1 hour', now() - interval '24 hours', timestamptz 'epoch')
  ORDER BY cost_usd DESC, input_tokens DESC, session_id
  LIMIT 10
), beyond AS MATERIALIZED (
  SELECT session_id
  FROM spark.rollup_usage_session
  WHERE last_hour >= date_bin('1 hour', now() - interval '24 hours', timestamptz 'epoch') AND first_hour <= now()
    AND (first_hour < date_bin('1 hour', now() - interval '24 hours', timestamptz 'epoch') OR last_hour > now())
), cut AS (
  SELECT session_id, within.*
  FROM beyond, LATERAL (
    SELECT sum(reports)::bigint AS reports, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, sum(cost_usd) AS cost_usd
    FROM spark.rollup_usage_session_hour hourly
    WHERE hourly.session_id = beyond.session_id AND hour >= date_bin('1 hour', now() - interval '24 hours', timestamptz 'epoch') AND hour <= now()
  ) AS within
  WHERE within.reports > 0
)
SELECT session_id, reports, input_tokens, output_tokens, cost_usd
FROM (SELECT * FROM inside UNION ALL SELECT * FROM cut) AS each
ORDER BY cost_usd DESC, input_tokens DESC, session_id
LIMIT 10;
