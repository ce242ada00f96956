-- Freshness
-- Answers: how old what this server shows is, and whether it follows its primary.
-- Columns:
--   server            standby or primary: who answered
--   replay            streaming, paused or disconnected; primary: it is no standby
--   age_seconds       seconds; everything the log held so long ago is shown here; null while that is not known
--   last_event_ts     when the newest event shown was stored; null before the first
--   applied_seq       its place in the log (spark_events.seq)
--   replay_lag_bytes  bytes of WAL received and not replayed; null on a primary
-- Window: always now.
-- Reads: spark.spark_freshness
-- Fast because: one row.
SELECT server, replay, age_seconds, last_event_ts, applied_seq, replay_lag_bytes
FROM spark.spark_freshness;
