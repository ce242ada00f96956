-- Active sessions now
-- Answers: how many sessions something happened in lately.
-- Columns:
--   sessions  sessions with an event in the last 5 to 10 minutes
--   events    their events in that time
--   calls     their calls that ended in that time
-- Window: always now: the slice of 5 minutes that runs, and the one before it.
-- Reads: spark.rollup_sessions_5min
-- Fast because: it reads two slices, one row a session each, by the primary key.
SELECT count(DISTINCT session_id) AS sessions,
       coalesce(sum(events), 0)::bigint AS events,
       coalesce(sum(calls), 0)::bigint AS calls
FROM spark.rollup_sessions_5min
WHERE slice >= date_bin(interval '5 minutes', statement_timestamp(), timestamptz 'epoch') - interval '5 minutes';
