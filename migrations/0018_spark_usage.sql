-- What model calls used up, as agents report it (usage.report) or services count it: one row each.
SET LOCAL ROLE spark_owner;

CREATE TABLE spark.spark_usage (
  seq bigint NOT NULL,
  ts timestamptz NOT NULL,
  session_id text NOT NULL,
  -- the command that used it, or that reported it
  command_id uuid NOT NULL,
  command_type text,
  actor text,
  model text NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  -- US dollars as told; null where nobody knows
  cost_usd numeric,
  PRIMARY KEY (ts, seq)
) PARTITION BY RANGE (ts);

CREATE INDEX spark_usage_ts_brin ON spark.spark_usage USING brin (ts) WITH (pages_per_range = 32);
CREATE INDEX spark_usage_session ON spark.spark_usage (session_id, ts);

GRANT SELECT, INSERT, TRUNCATE ON spark.spark_usage TO spark_projector;
GRANT SELECT ON spark.spark_usage TO spark_ingest, spark_dashboard_ro;
