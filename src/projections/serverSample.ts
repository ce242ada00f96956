import type pg from 'pg';
import { LOG_CHECKPOINT } from './checkpoint.js';

/** What a server shows of the log and where it stands in the WAL. Its clock says nothing (an idle primary looks like a lagging one): positions do. */
export interface ServerSample {
  /** The log projected up to here, as read on this server: covers projection and replication at once. 0 before the first event. */
  readonly appliedSeq: number;
  /** Publish time of the newest message it shows. */
  readonly lastTsMs: number | null;
  /** Everything the log held at this moment is shown; null when nothing tells. */
  readonly completeUntilMs: number | null;
  readonly isStandby: boolean;
  /** Whether a standby has a connection to its primary; null where the role may not see it, or on a primary. */
  readonly streaming: boolean | null;
  /** WAL written (a primary) or replayed (a standby), bytes since the beginning. */
  readonly walBytes: number | null;
}

interface Row {
  last_seq: string | null;
  last_ts: Date | null;
  complete_until: Date | null;
  standby: boolean;
  status: string | null;
  receivers: number;
  wal_bytes: string | null;
}

const SAMPLE = {
  name: 'sample-server',
  text: `SELECT checkpoint.last_seq, checkpoint.last_ts,
      greatest(checkpoint.last_ts, CASE WHEN coalesce(checkpoint.last_seq, 0) >= beat.log_seq THEN beat.asked_at END)
        AS complete_until,
      pg_is_in_recovery() AS standby,
      (SELECT status FROM pg_stat_wal_receiver) AS status,
      (SELECT count(*)::int FROM pg_stat_wal_receiver) AS receivers,
      pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, '0/0')
        AS wal_bytes
    FROM (VALUES (1)) AS one (row)
    LEFT JOIN spark.checkpoints checkpoint ON checkpoint.name = $1
    LEFT JOIN spark.heartbeats beat ON beat.name = $1`,
  values: [LOG_CHECKPOINT],
};

/** One question, the same for primary and standby; rejects when the server does not answer. */
export async function sampleServer(pool: pg.Pool): Promise<ServerSample> {
  const { rows } = await pool.query<Row>(SAMPLE);
  const [row] = rows;
  if (row === undefined) throw new Error('a server answered a sample with nothing');
  return {
    appliedSeq: Number(row.last_seq ?? 0),
    lastTsMs: row.last_ts?.getTime() ?? null,
    completeUntilMs: row.complete_until?.getTime() ?? null,
    isStandby: row.standby,
    streaming: row.standby ? streamingOf(row) : null,
    walBytes: row.wal_bytes === null ? null : Number(row.wal_bytes),
  };
}

/** A role without pg_read_all_stats sees that a receiver is there, not what it does. */
function streamingOf({ status, receivers }: Row): boolean | null {
  if (receivers === 0) return false;
  return status === null ? null : status === 'streaming';
}
