-- Queue depth over time
-- Answers: how many commands were accepted and had not ended, editor by editor.
-- Columns:
--   time    begin of the step
--   metric  Unity editor
--   depth   commands at the end of the step; a step in which nothing came or went has no row
-- Window: the last hour, in at most 180 steps of whole minutes.
-- Reads: spark.rollup_lanes_minute, spark.rollup_lanes_hour, spark.spark_editors, spark.accepted_overlay, spark.command_states
-- Fast because: it walks back once, from what is open now, over one row a minute and editor. (The view spark.spark_queue_depth says the same of
--   every minute by itself: for a row or a few of them.)
WITH step AS MATERIALIZED (
  SELECT make_interval(mins => greatest(1, ceil(extract(epoch FROM now() - (now() - interval '1 hour')) / 60 / 180))::int) AS width
), waiting AS MATERIALIZED (
  SELECT overlay.editor, date_bin('1 minute', overlay.accepted_at, timestamptz 'epoch') AS minute, count(*) AS net
  FROM spark.accepted_overlay overlay
  WHERE NOT EXISTS (SELECT FROM spark.command_states known WHERE known.command_id = overlay.command_id)
  GROUP BY 1, 2
), open_now AS (
  SELECT editor, sum(commands) AS commands
  FROM (SELECT editor, started AS commands FROM spark.spark_editors UNION ALL SELECT editor, net FROM waiting) AS each
  GROUP BY editor
), since_then AS (
  -- what changed after the window: nothing when it ends now
  SELECT editor, sum(net) AS net
  FROM (
    SELECT editor, accepted - ended AS net FROM spark.rollup_lanes_hour WHERE hour > now()
    UNION ALL
    SELECT editor, accepted - ended FROM spark.rollup_lanes_minute
    WHERE minute > now() AND minute < date_bin('1 hour', now(), timestamptz 'epoch') + interval '1 hour'
    UNION ALL
    SELECT editor, net FROM waiting WHERE minute > now()
  ) AS change
  GROUP BY editor
), steps AS (
  -- as integers: sums of bigint are numeric, which takes twice as long
  SELECT date_bin(width, minute, timestamptz 'epoch') AS time, editor, sum(net)::integer AS net
  FROM (
    SELECT minute, editor, (accepted - ended)::integer AS net FROM spark.rollup_lanes_minute
    WHERE minute >= now() - interval '1 hour' AND minute <= now()
    UNION ALL
    SELECT minute, editor, net::integer FROM waiting WHERE minute >= now() - interval '1 hour' AND minute <= now()
  ) AS change, step
  GROUP BY 1, 2
)
SELECT time, editor AS metric,
       (open_now.commands - coalesce(since_then.net, 0)
         - (sum(steps.net) OVER (PARTITION BY editor ORDER BY time DESC ROWS UNBOUNDED PRECEDING) - steps.net))::bigint AS depth
FROM steps JOIN open_now USING (editor) LEFT JOIN since_then USING (editor)
ORDER BY time, editor;
