-- Error rate by tool
-- Answers: of the calls that ended in the window, how many did not do what they were asked, tool by tool; the worst first.
-- Columns:
--   name                tool, as in spark_function_calls.name
--   calls               calls that ended
--   errors              of those, the ones that were not completed: failed, conflict, outcome_unknown, cancelled, expired
--   error_rate_percent  0 to 100
-- Window: the last hour, by whole minutes.
-- Reads: spark.rollup_calls_minute
-- Fast because: one row a minute, tool and kind of end, found by the primary key.
SELECT name,
       sum(calls)::bigint AS calls,
       coalesce(sum(calls) FILTER (WHERE outcome <> 'completed'), 0)::bigint AS errors,
       round(100.0 * coalesce(sum(calls) FILTER (WHERE outcome <> 'completed'), 0) / sum(calls), 2) AS error_rate_percent
FROM spark.rollup_calls_minute
WHERE minute >= now() - interval '1 hour' AND minute <= now()
GROUP BY name
HAVING sum(calls) > 0
ORDER BY error_rate_percent DESC, name;
