-- Newest builds
-- Answers: what became of the last twenty builds.
-- Columns:
--   started_at   when it began
--   job_id       the build, and the command that asked for it
--   editor       Unity editor
--   target       build target
--   state        started (it runs), completed, failed, timeout, outcome_unknown or cancelled
--   duration_s   seconds; null while it runs
--   total_bytes  bytes of the output; null where the editor did not tell
--   error_code   stable code of the failure; null where there was none
-- Window: the last 24 hours.
-- Reads: spark.spark_build_jobs
-- Fast because: one row a build, by an index on when it began.
SELECT started_at, job_id, editor, target, state, round((duration_ms / 1000)::numeric, 3) AS duration_s, total_bytes, error_code
FROM spark.spark_build_jobs
WHERE started_at >= now() - interval '24 hours' AND started_at <= now()
ORDER BY started_at DESC, job_id
LIMIT 20;
