import type { PostgresPools } from '../postgres/pools.js';
import { LOG_CHECKPOINT, readCheckpoint } from './checkpoint.js';

/** How old what the replica answers is. Its clock says nothing (an idle primary looks like a lagging one): positions do. */
export interface Freshness {
  /** The log projected on the primary up to here; null before the first event. */
  readonly primarySeq: number | null;
  /** The same as read on the replica: covers projection and replication at once. */
  readonly replicaSeq: number | null;
  /** Publish time of the newest event that the replica shows. */
  readonly replicaTsMs: number | null;
  /** False when the "replica" is no standby (there is none, or it was promoted). */
  readonly isStandby: boolean;
  /** Whether the standby has a connection to its primary; null where the role may not see it. */
  readonly streaming: boolean | null;
  /** WAL written and not yet replayed; null when it is no standby or the primary does not answer. */
  readonly bytesBehind: number | null;
}

interface StandbyRow {
  standby: boolean;
  replayed: string | null;
  status: string | null;
  receivers: number;
}

/** Asks both servers; throws when the replica does not answer. A primary that is away leaves its figures null. */
export async function freshness(pools: PostgresPools): Promise<Freshness> {
  const [primary, checkpoint, standby] = await Promise.all([
    primaryPosition(pools).catch(() => undefined),
    readCheckpoint(pools.replica, LOG_CHECKPOINT),
    standbyPosition(pools),
  ]);
  const behind = primary?.lsn && standby.replayed ? lsnBytes(primary.lsn) - lsnBytes(standby.replayed) : null;
  return {
    primarySeq: primary?.seq ?? null,
    replicaSeq: checkpoint?.lastSeq ?? null,
    replicaTsMs: checkpoint?.lastTsMs ?? null,
    isStandby: standby.standby,
    streaming: !standby.standby || standby.receivers === 0 ? false : streamingOf(standby.status),
    bytesBehind: behind === null ? null : Math.max(0, behind),
  };
}

async function primaryPosition(pools: PostgresPools): Promise<{ seq: number | null; lsn: string | null }> {
  const { rows } = await pools.primary.query<{ lsn: string | null }>(
    'SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_lsn()::text END AS lsn',
  );
  const checkpoint = await readCheckpoint(pools.primary, LOG_CHECKPOINT);
  return { seq: checkpoint?.lastSeq ?? null, lsn: rows[0]?.lsn ?? null };
}

async function standbyPosition(pools: PostgresPools): Promise<StandbyRow> {
  const { rows } = await pools.replica.query<StandbyRow>(
    `SELECT pg_is_in_recovery() AS standby, pg_last_wal_replay_lsn()::text AS replayed,
       (SELECT status FROM pg_stat_wal_receiver) AS status, (SELECT count(*)::int FROM pg_stat_wal_receiver) AS receivers`,
  );
  return rows[0] ?? { standby: false, replayed: null, status: null, receivers: 0 };
}

/** A role without pg_read_all_stats sees that a receiver is there, not what it does. */
function streamingOf(status: string | null): boolean | null {
  return status === null ? null : status === 'streaming';
}

/** `16/B374D848` → bytes since the beginning; differences stay exact far beyond any real WAL. */
function lsnBytes(lsn: string): number {
  const [high = '0', low = '0'] = lsn.split('/');
  return Number.parseInt(high, 16) * 4_294_967_296 + Number.parseInt(low, 16);
}
