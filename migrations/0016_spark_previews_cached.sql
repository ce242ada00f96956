-- Whether a preview was answered from the cache, without asking the editor: the cache hit rate of dashboards is a query.
SET LOCAL ROLE spark_owner;

ALTER TABLE spark.spark_previews ADD COLUMN cached boolean NOT NULL DEFAULT false;
