-- What could not be processed. `source` says where: `stream` = a dead letter of spark.dlq (`id` is its sequence there),
-- `projector` = an event of the log that could not be projected (`id` is the event's seq).
SET LOCAL ROLE spark_owner;

CREATE TABLE spark.spark_dead_letters (
  source text NOT NULL,
  id bigint NOT NULL,
  ts timestamptz NOT NULL,
  reason text NOT NULL,
  attempts integer NOT NULL,
  last_error text NOT NULL,
  original_subject text NOT NULL,
  session_id text,
  editor text,
  command_id text,
  headers jsonb NOT NULL,
  body text NOT NULL,
  body_encoding text NOT NULL,
  body_truncated boolean NOT NULL,
  stream_seq bigint NOT NULL,
  stream_index integer NOT NULL,
  PRIMARY KEY (source, id)
);

CREATE INDEX spark_dead_letters_ts ON spark.spark_dead_letters (ts);

GRANT SELECT, INSERT, DELETE, TRUNCATE ON spark.spark_dead_letters TO spark_projector;
GRANT SELECT ON spark.spark_dead_letters TO spark_ingest, spark_dashboard_ro;
