-- One row a session: how much it did and how it ended, by the state its commands are in now.
SET LOCAL ROLE spark_owner;

CREATE TABLE spark.spark_sessions (
  session_id text PRIMARY KEY,
  first_seen timestamptz NOT NULL,
  last_seen timestamptz NOT NULL,
  events bigint NOT NULL,
  commands bigint NOT NULL,
  started bigint NOT NULL,
  completed bigint NOT NULL,
  failed bigint NOT NULL,
  rejected bigint NOT NULL,
  conflict bigint NOT NULL,
  outcome_unknown bigint NOT NULL,
  cancelled bigint NOT NULL,
  editors text[] NOT NULL,
  editor_count integer NOT NULL,
  last_seq bigint NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

GRANT SELECT, INSERT, UPDATE, TRUNCATE ON spark.spark_sessions TO spark_projector;
GRANT SELECT ON spark.spark_sessions TO spark_ingest, spark_dashboard_ro;
