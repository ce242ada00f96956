-- Every event of the log, one row each. `payload` is the event without what has a column of its own.
SET LOCAL ROLE spark_owner;

CREATE TABLE spark.spark_events (
  seq bigint NOT NULL,
  ts timestamptz NOT NULL,
  event_id uuid NOT NULL,
  command_id uuid NOT NULL,
  log_partition smallint NOT NULL,
  type text NOT NULL,
  session_id text NOT NULL,
  payload jsonb NOT NULL,
  PRIMARY KEY (ts, seq)
) PARTITION BY RANGE (ts);

-- time windows over many pages: nearly free to keep
CREATE INDEX spark_events_ts_brin ON spark.spark_events USING brin (ts) WITH (pages_per_range = 32);
-- a session's timeline, and SSE resume
CREATE INDEX spark_events_session_seq ON spark.spark_events (session_id, seq);
-- error rates look at failures alone
CREATE INDEX spark_events_failed_ts ON spark.spark_events (ts) WHERE type LIKE '%.failed';

GRANT SELECT, INSERT, TRUNCATE ON spark.spark_events TO spark_projector;
GRANT SELECT ON spark.spark_events TO spark_ingest, spark_dashboard_ro;
