-- One row a completed preview. The frame itself lies in the frame store, by its sha-256.
SET LOCAL ROLE spark_owner;

CREATE TABLE spark.spark_previews (
  seq bigint PRIMARY KEY,
  ts timestamptz NOT NULL,
  command_id uuid NOT NULL,
  session_id text NOT NULL,
  editor text NOT NULL,
  frame_sha256 text NOT NULL,
  mime text NOT NULL,
  bytes integer NOT NULL,
  width_px integer NOT NULL,
  height_px integer NOT NULL,
  requested_width_px integer NOT NULL,
  requested_height_px integer NOT NULL,
  scene_path text,
  game_object text,
  mode text NOT NULL,
  duration_ms double precision NOT NULL
);

CREATE INDEX spark_previews_ts_brin ON spark.spark_previews USING brin (ts) WITH (pages_per_range = 32);
CREATE INDEX spark_previews_session_seq ON spark.spark_previews (session_id, seq);
CREATE INDEX spark_previews_frame ON spark.spark_previews (frame_sha256);

GRANT SELECT, INSERT, TRUNCATE ON spark.spark_previews TO spark_projector;
GRANT SELECT ON spark.spark_previews TO spark_ingest, spark_dashboard_ro;
