-- How far each projection has come. Written in the same transaction as what it projected: that makes "exactly once".
-- Read on the replica it says how fresh the replica is (projection and replication lag at once).
SET LOCAL ROLE spark_owner;

CREATE TABLE spark.checkpoints (
  name text PRIMARY KEY,
  last_seq bigint NOT NULL,
  -- publish time of the newest message applied
  last_ts timestamptz,
  -- which stream the position is of; another creation time is another stream
  stream_created text NOT NULL
) WITH (fillfactor = 20);

GRANT SELECT, INSERT, UPDATE ON spark.checkpoints TO spark_projector;
GRANT SELECT ON spark.checkpoints TO spark_ingest, spark_dashboard_ro;
