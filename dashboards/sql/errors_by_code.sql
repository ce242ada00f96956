-- Errors by code
-- Answers: what calls failed of: the twenty most frequent pairs of tool and error code.
-- Columns:
--   name        tool, as in spark_function_calls.name
--   outcome     how the calls ended
--   error_code  stable code of the failure
--   calls       calls that ended so
-- Window: the last hour, by whole minutes.
-- Reads: spark.rollup_calls_minute
-- Fast because: one row a minute, tool, end and code, found by the primary key.
SELECT name, outcome, error_code, sum(calls)::bigint AS calls
FROM spark.rollup_calls_minute
WHERE outcome <> 'completed' AND minute >= now() - interval '1 hour' AND minute <= now()
GROUP BY name, outcome, error_code
ORDER BY calls DESC, name, outcome, error_code
LIMIT 20;
