-- Commands accepted and not yet started have no event. The overlay holds those that wait long enough to be asked about; it
-- is fed from the command stream and is no part of what a rebuild of the log gives.
SET LOCAL ROLE spark_owner;

CREATE TABLE spark.accepted_overlay (
  command_id uuid PRIMARY KEY,
  type text NOT NULL,
  session_id text NOT NULL,
  editor text NOT NULL,
  accepted_at timestamptz NOT NULL,
  idempotency_key text,
  actor text NOT NULL,
  correlation_id text,
  causation_id text,
  priority smallint NOT NULL,
  deadline timestamptz,
  payload_sha text NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02);

CREATE INDEX accepted_overlay_session_accepted ON spark.accepted_overlay (session_id, accepted_at);

CREATE VIEW spark.spark_commands AS
SELECT command_id, idempotency_key, type, session_id, editor, actor, state, attempts, accepted_at, started_at, finished_at,
       error_code, result, error, correlation_id, causation_id, priority, deadline, payload_sha, first_seq, last_seq
FROM spark.command_states
UNION ALL
SELECT command_id, idempotency_key, type, session_id, editor, actor, 'accepted', 0, accepted_at, NULL, NULL,
       NULL, NULL, NULL, correlation_id, causation_id, priority, deadline, payload_sha, NULL, NULL
FROM spark.accepted_overlay waiting
WHERE NOT EXISTS (SELECT FROM spark.command_states known WHERE known.command_id = waiting.command_id);

GRANT SELECT, INSERT, DELETE ON spark.accepted_overlay TO spark_projector;
GRANT SELECT ON spark.accepted_overlay TO spark_ingest, spark_dashboard_ro;
GRANT SELECT ON spark.spark_commands TO spark_projector, spark_ingest, spark_dashboard_ro;
