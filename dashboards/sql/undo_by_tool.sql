-- Undo activity by tool
-- Answers: whose operations are taken back: made, undone and redone by the command that made them.
-- Columns:
--   tool            type of the command that made the operations
--   applied         operations made in the window
--   undone          operations undone in the window, whenever they were made
--   redone          operations redone in the window
--   undone_percent  undone of made, 0 or more; null when none was made
-- Window: the last 24 hours, by whole minutes.
-- Reads: spark.rollup_operations_minute
-- Fast because: one row a minute, direction and tool, found by the primary key.
SELECT tool,
       coalesce(sum(operations) FILTER (WHERE direction = 'apply'), 0)::bigint AS applied,
       coalesce(sum(operations) FILTER (WHERE direction = 'undo'), 0)::bigint AS undone,
       coalesce(sum(operations) FILTER (WHERE direction = 'redo'), 0)::bigint AS redone,
       round(100.0 * coalesce(sum(operations) FILTER (WHERE direction = 'undo'), 0)
         / nullif(sum(operations) FILTER (WHERE direction = 'apply'), 0), 2) AS undone_percent
FROM spark.rollup_operations_minute
WHERE minute >= now() - interval '24 hours' AND minute <= now()
GROUP BY tool
ORDER BY undone DESC, tool;
