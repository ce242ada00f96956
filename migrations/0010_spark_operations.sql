-- The undo log: one row an operation, with what became of it. The hashes name rows of spark_images.
SET LOCAL ROLE spark_owner;

CREATE TABLE spark.spark_operations (
  operation_id uuid PRIMARY KEY,
  seq bigint NOT NULL,
  ts timestamptz NOT NULL,
  command_id uuid NOT NULL,
  session_id text NOT NULL,
  editor text NOT NULL,
  path text NOT NULL,
  tool text NOT NULL,
  state text NOT NULL,
  -- null: the file was (or became) absent
  before_sha256 text,
  after_sha256 text,
  before_bytes integer,
  after_bytes integer,
  before_meta_sha256 text,
  after_meta_sha256 text,
  before_meta_bytes integer,
  after_meta_bytes integer,
  before_guid text,
  after_guid text,
  -- which command put it into its present state, and when
  state_command_id uuid NOT NULL,
  state_ts timestamptz NOT NULL,
  last_seq bigint NOT NULL
) WITH (fillfactor = 85);

CREATE INDEX spark_operations_session_seq ON spark.spark_operations (session_id, seq);
CREATE INDEX spark_operations_path_seq ON spark.spark_operations (path, seq);

GRANT SELECT, INSERT, UPDATE, TRUNCATE ON spark.spark_operations TO spark_projector;
GRANT SELECT ON spark.spark_operations TO spark_ingest, spark_dashboard_ro;
