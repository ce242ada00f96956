-- Open dead letters
-- Answers: what failed for good and nobody has redriven or dropped yet, by reason.
-- Columns:
--   source   stream (of spark.dlq) or projector (an event that could not be projected)
--   reason   why it is a dead letter
--   letters  open letters
--   oldest   when the first of them was written
--   newest   when the last of them was written
-- Window: always now: every letter that is open.
-- Reads: spark.spark_dead_letters
-- Fast because: an open letter is in a partial index; there are few.
SELECT source, reason, count(*) AS letters, min(ts) AS oldest, max(ts) AS newest
FROM spark.spark_dead_letters
WHERE state = 'open'
GROUP BY source, reason
ORDER BY letters DESC, source, reason;
