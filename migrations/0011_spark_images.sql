-- Bytes of files and of their .meta, once for each content. `data` is raw deflate; `bytes` is the size unpacked.
SET LOCAL ROLE spark_owner;

CREATE TABLE spark.spark_images (
  sha256 text PRIMARY KEY,
  bytes integer NOT NULL,
  data bytea NOT NULL
);
-- packed already: Postgres shall not try again
ALTER TABLE spark.spark_images ALTER COLUMN data SET STORAGE EXTERNAL;

GRANT SELECT, INSERT, TRUNCATE ON spark.spark_images TO spark_projector;
-- scripts may hold secrets: dashboards see that an image exists, not what is in it
GRANT SELECT ON spark.spark_images TO spark_ingest;
GRANT SELECT (sha256, bytes) ON spark.spark_images TO spark_dashboard_ro;
