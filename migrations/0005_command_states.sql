-- One row a command that has an event. No index on what changes during a command's life, and room in every page: so an
-- update stays in its page (HOT) and touches no index.
SET LOCAL ROLE spark_owner;

CREATE TABLE spark.command_states (
  command_id uuid PRIMARY KEY,
  type text NOT NULL,
  session_id text NOT NULL,
  editor text NOT NULL,
  state text NOT NULL,
  attempts integer NOT NULL,
  -- null only where the event that repeats the envelope is gone from the log
  accepted_at timestamptz,
  started_at timestamptz,
  finished_at timestamptz,
  idempotency_key text,
  actor text,
  correlation_id text,
  causation_id text,
  priority smallint,
  deadline timestamptz,
  payload_sha text,
  error_code text,
  error jsonb,
  result jsonb,
  first_seq bigint NOT NULL,
  last_seq bigint NOT NULL
) WITH (fillfactor = 75, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

CREATE INDEX command_states_session_accepted ON spark.command_states (session_id, accepted_at);
CREATE INDEX command_states_accepted ON spark.command_states (accepted_at);

GRANT SELECT, INSERT, UPDATE, TRUNCATE ON spark.command_states TO spark_projector;
GRANT SELECT ON spark.command_states TO spark_ingest, spark_dashboard_ro;
