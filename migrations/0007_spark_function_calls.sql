-- One row a finished call of a tool: what latency and error-rate dashboards ask.
SET LOCAL ROLE spark_owner;

CREATE TABLE spark.spark_function_calls (
  seq bigint NOT NULL,
  ts timestamptz NOT NULL,
  -- from intent to outcome; null when the worker that began it did not live to say
  duration_ms double precision,
  command_id uuid NOT NULL,
  attempts integer NOT NULL,
  name text NOT NULL,
  status text NOT NULL,
  outcome text NOT NULL,
  session_id text NOT NULL,
  editor text NOT NULL,
  error_code text,
  PRIMARY KEY (ts, seq)
) PARTITION BY RANGE (ts);

CREATE INDEX spark_function_calls_ts_brin ON spark.spark_function_calls USING brin (ts) WITH (pages_per_range = 32);

GRANT SELECT, INSERT, TRUNCATE ON spark.spark_function_calls TO spark_projector;
GRANT SELECT ON spark.spark_function_calls TO spark_ingest, spark_dashboard_ro;
