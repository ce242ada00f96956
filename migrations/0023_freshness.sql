-- How stale what is shown may be, told by SQL alone, on the primary and on the standby alike.
SET LOCAL ROLE spark_owner;

-- The projector writes down, every second, where the log ended when it asked. With it an idle system can be told from one that has
-- fallen behind: the age of the newest event cannot tell the two apart.
CREATE TABLE spark.heartbeats (
  name text PRIMARY KEY,
  asked_at timestamptz NOT NULL,
  -- the log's end at that moment, in the unit of checkpoints
  log_seq bigint NOT NULL
) WITH (fillfactor = 20);

GRANT SELECT, INSERT, UPDATE ON spark.heartbeats TO spark_projector;
GRANT SELECT ON spark.heartbeats TO spark_ingest, spark_dashboard_ro;

-- One row. `complete_until`: everything that the log held at this moment is in the rows of this server. `age_seconds` says how long ago
-- that was: a second or so on a healthy system, idle or not, and ever more when projection, replication or the projector itself stands
-- still. It needs the two machines' clocks to agree. `replay_lag_bytes`: received and not replayed yet.
CREATE VIEW spark.spark_freshness AS
SELECT shown.projection, shown.applied_seq, shown.last_event_ts, shown.log_seq, shown.complete_until,
  -- greatest() passes over nulls: what is not known must not look like 0
  CASE WHEN shown.complete_until IS NOT NULL
    THEN greatest(0, extract(epoch FROM clock_timestamp() - shown.complete_until))::numeric
  END AS age_seconds,
  shown.server, shown.replay, shown.replay_lag_bytes
FROM (
  SELECT 'log'::text AS projection, coalesce(checkpoint.last_seq, 0) AS applied_seq, checkpoint.last_ts AS last_event_ts,
    beat.log_seq,
    greatest(
      checkpoint.last_ts,
      CASE WHEN coalesce(checkpoint.last_seq, 0) >= beat.log_seq THEN beat.asked_at END
    ) AS complete_until,
    CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE 'primary' END AS server,
    CASE
      WHEN NOT pg_is_in_recovery() THEN 'primary'
      WHEN pg_is_wal_replay_paused() THEN 'paused'
      WHEN EXISTS (SELECT FROM pg_stat_wal_receiver) THEN 'streaming'
      ELSE 'disconnected'
    END AS replay,
    CASE WHEN pg_is_in_recovery() AND pg_last_wal_receive_lsn() IS NOT NULL
      THEN greatest(0, pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()))
    END AS replay_lag_bytes
  FROM (VALUES (1)) AS one (row)
  LEFT JOIN spark.checkpoints checkpoint ON checkpoint.name = 'log'
  LEFT JOIN spark.heartbeats beat ON beat.name = 'log'
) AS shown;

GRANT SELECT ON spark.spark_freshness TO spark_ingest, spark_dashboard_ro;

-- Read your writes in SQL: true once the rows of this server contain the log up to `seq`, for the statements that follow; false when that
-- takes longer than `timeout_ms` (at most 10 s). In a transaction of REPEATABLE READ nothing new is ever seen: call it before.
CREATE FUNCTION spark.wait_for_seq(seq bigint, timeout_ms integer DEFAULT 2000) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = '' AS $wait$
DECLARE
  give_up timestamptz := clock_timestamp() + least(greatest(timeout_ms, 0), 10000) * interval '1 millisecond';
BEGIN
  LOOP
    IF EXISTS (SELECT FROM spark.checkpoints WHERE name = 'log' AND last_seq >= wait_for_seq.seq) THEN
      RETURN true;
    END IF;
    IF clock_timestamp() >= give_up THEN
      RETURN false;
    END IF;
    PERFORM pg_sleep(0.005);
  END LOOP;
END
$wait$;
