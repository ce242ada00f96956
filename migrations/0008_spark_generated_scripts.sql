-- One row a completed change of a script; `sha256` and `bytes` are null where it was deleted.
SET LOCAL ROLE spark_owner;

CREATE TABLE spark.spark_generated_scripts (
  seq bigint PRIMARY KEY,
  ts timestamptz NOT NULL,
  command_id uuid NOT NULL,
  operation_id uuid,
  action text NOT NULL,
  session_id text NOT NULL,
  editor text NOT NULL,
  path text,
  sha256 text,
  bytes integer,
  guid text
);

CREATE INDEX spark_generated_scripts_ts_brin ON spark.spark_generated_scripts USING brin (ts) WITH (pages_per_range = 32);
CREATE INDEX spark_generated_scripts_session_seq ON spark.spark_generated_scripts (session_id, seq);

GRANT SELECT, INSERT, TRUNCATE ON spark.spark_generated_scripts TO spark_projector;
GRANT SELECT ON spark.spark_generated_scripts TO spark_ingest, spark_dashboard_ro;
