-- Build jobs by state
-- Answers: how the builds of the window stand, target by target; builds that run are told whenever they began.
-- Columns:
--   target    build target
--   state     started (it runs), completed, failed, timeout, outcome_unknown or cancelled
--   builds    builds
--   mean_s    seconds from start to end; null while none has ended
--   oldest    when the first of them began
-- Window: the last 24 hours.
-- Reads: spark.spark_build_jobs
-- Fast because: one row a build, by an index on when it began; what runs now has a partial index of its own.
SELECT target, state, count(*) AS builds,
       round((avg(duration_ms) / 1000)::numeric, 3) AS mean_s,
       min(started_at) AS oldest
FROM spark.spark_build_jobs
WHERE (started_at >= now() - interval '24 hours' AND started_at <= now()) OR state = 'started'
GROUP BY target, state
ORDER BY target, state;
