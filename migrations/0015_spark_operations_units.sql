-- Operations of one unit are undone and redone together; and the undo log is searched by path, prefix, tool, editor and time.
SET LOCAL ROLE spark_owner;

ALTER TABLE spark.spark_operations 
  ADD COLUMN unit_id uuid,
  -- its place among the operations of the event that made it: they share its seq
  ADD COLUMN ordinal integer NOT NULL DEFAULT 0;

-- A prefix (LIKE 'Assets/Game/%') needs the pattern class whatever the collation; it serves equality too, so the plain one goes.
DROP INDEX spark.spark_operations_path_seq;
CREATE INDEX spark_operations_path_pattern ON spark.spark_operations (path text_pattern_ops, seq);
CREATE INDEX spark_operations_editor_seq ON spark.spark_operations (editor, seq);
CREATE INDEX spark_operations_tool_seq ON spark.spark_operations (tool, seq);
CREATE INDEX spark_operations_ts ON spark.spark_operations (ts);
-- Newest first over all sessions.
CREATE INDEX spark_operations_seq ON spark.spark_operations (seq);
