-- Editors and their lanes
-- Answers: how each editor keeps up: what waits, what runs, what it did in the window.
-- Columns:
--   editor        Unity editor
--   waiting       commands accepted and not begun, now; those taken up within 250 ms are not seen here
--   running       commands begun and not ended, now
--   accepted      commands accepted in the window that have begun or ended
--   ended         commands that ended in the window
--   failed        of those, the ones that were not completed
--   busy_percent  time of its calls in the window; over 100 where services work beside it
--   last_seen     when its newest event was stored
-- Window: the last hour, by whole minutes.
-- Reads: spark.spark_editors, spark.rollup_lanes_minute, spark.accepted_overlay, spark.command_states
-- Fast because: one row an editor, one a minute and editor, and one for each command that waits.
WITH lanes AS (
  SELECT editor, sum(accepted) AS accepted, sum(ended) AS ended, sum(failed) AS failed, sum(call_us_sum) AS call_us
  FROM spark.rollup_lanes_minute
  WHERE minute >= now() - interval '1 hour' AND minute <= now()
  GROUP BY editor
), waiting AS (
  SELECT overlay.editor, count(*) AS commands
  FROM spark.accepted_overlay overlay
  WHERE NOT EXISTS (SELECT FROM spark.command_states known WHERE known.command_id = overlay.command_id)
  GROUP BY overlay.editor
), known AS (
  SELECT editor, started, last_seen FROM spark.spark_editors
)
SELECT editor,
       coalesce(waiting.commands, 0) AS waiting,
       coalesce(known.started, 0) AS running,
       coalesce(lanes.accepted, 0)::bigint AS accepted,
       coalesce(lanes.ended, 0)::bigint AS ended,
       coalesce(lanes.failed, 0)::bigint AS failed,
       round(coalesce(lanes.call_us, 0) / 10000 / extract(epoch FROM now() - (now() - interval '1 hour')), 2) AS busy_percent,
       known.last_seen
FROM known FULL JOIN waiting USING (editor) LEFT JOIN lanes USING (editor)
ORDER BY waiting DESC, running DESC, editor;
