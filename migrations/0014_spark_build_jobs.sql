-- One row a build that has started (unity.run_build), by its command id, which is its job id too.
SET LOCAL ROLE spark_owner;

CREATE TABLE spark.spark_build_jobs (
  job_id uuid PRIMARY KEY,
  seq bigint NOT NULL,
  session_id text NOT NULL,
  editor text NOT NULL,
  target text NOT NULL,
  output_path text NOT NULL,
  -- started, completed, failed, timeout, outcome_unknown, cancelled
  state text NOT NULL,
  started_at timestamptz NOT NULL,
  finished_at timestamptz,
  -- from the intent to the end as SPARK recorded them, restarts included; the editor's own figure is in the command's result
  duration_ms double precision GENERATED ALWAYS AS ((extract(epoch FROM (finished_at - started_at)) * 1000)::double precision) STORED,
  total_bytes bigint,
  warnings integer,
  error_code text
) WITH (fillfactor = 90);

CREATE INDEX spark_build_jobs_started ON spark.spark_build_jobs (started_at);
CREATE INDEX spark_build_jobs_session_seq ON spark.spark_build_jobs (session_id, seq);
-- what runs now: a handful of rows among all that ever ran
CREATE INDEX spark_build_jobs_open ON spark.spark_build_jobs (editor, started_at) WHERE state = 'started';

GRANT SELECT, INSERT, UPDATE, TRUNCATE ON spark.spark_build_jobs TO spark_projector;
GRANT SELECT ON spark.spark_build_jobs TO spark_ingest, spark_dashboard_ro;
